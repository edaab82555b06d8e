CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, name TEXT, town TEXT, age INTEGER, "Stage name" TEXT, fee REAL);
INSERT INTO singer VALUES (1, 'Ida Lund', 'New York', 31, 'Moth', 120.5), (2, 'Per O''Hara', 'Oslo', 45, 'Crow', 80.0),
    (3, 'Noor Haddad', 'St. John''s', 27, 'Wren', 200.0), (4, 'Tom & Ann', 'Oslo', 52, 'Duo', 99.0),
    (5, 'Bea Voss', 'Port Elizabeth', 38, 'Lark', 150.0);
CREATE TABLE gig (gig_id INTEGER PRIMARY KEY, singer_id INTEGER REFERENCES singer (singer_id), day TEXT,
    "order" INTEGER, "group" TEXT, tickets INTEGER, genre TEXT);
INSERT INTO gig VALUES (1, 1, '2024-05-01', 1, 'A', 300, 'jazz'), (2, 1, '2024-05-03', 2, 'B', 150, 'folk'),
    (3, 2, '2024-05-03', 3, 'A', 420, 'rock'), (4, 3, '2024-06-11', 4, 'A', 90, 'jazz'),
    (5, 4, '2024-06-12', 5, 'B', 90, 'half-time; show'), (6, 5, '2024-07-30', 6, 'C', 510, 'folk');
CREATE TABLE "transaction" (id INTEGER PRIMARY KEY, gig_id INTEGER REFERENCES gig (gig_id), amount REAL,
    "check" TEXT, "from" TEXT);
INSERT INTO "transaction" VALUES (1, 1, 10.0, 'ok', 'bank'), (2, 1, 25.5, 'no', 'card'), (3, 3, 40.0, 'ok', 'card');
