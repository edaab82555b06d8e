CREATE TABLE skippers (skipper_id INTEGER PRIMARY KEY, name TEXT, sex TEXT, licensed TEXT, home_port TEXT,
    birth_port TEXT, country TEXT, locker TEXT);
INSERT INTO skippers VALUES (1, 'Ilse Vos', 'F', 'yes', 'Ghent', 'Ostend', 'Austria', '0042'),
    (2, 'Jan Anderson', 'M', 'no', 'Ostend', 'Lier', 'Iceland', '0107'),
    (3, 'Kim Braeckman', 'F', 'yes', 'Ghent', 'Genk', 'Slovakia', '1042'),
    (4, 'Lou Maes', 'M', 'no', 'Lier', 'Ghent', 'Niger', '0033');
CREATE TABLE boats (boat_id INTEGER PRIMARY KEY, name TEXT, berth TEXT, insured BOOLEAN, sold INTEGER, state TEXT,
    build_year TEXT, wash_day TEXT, class TEXT, owner_note);
INSERT INTO boats VALUES (1, 'Sea Fox 200', ' B07', 't', 0, 'A', '1999', 'Mon', 'A+', 5),
    (2, 'Sea Fox 300', ' C12', 'f', 1, 'I', '2004', 'Wed', 'B', 12), (3, 'Tern', ' B11', 't', 0, 'A', '2011', 'Mon', 'A+', 7),
    (4, 'Gull', ' D02', 'f', 0, 'I', '2015', 'Fri', 'C', NULL);
CREATE TABLE trips (trip_id INTEGER PRIMARY KEY, boat_id INTEGER REFERENCES boats (boat_id),
    skipper_id INTEGER REFERENCES skippers (skipper_id), left_at TEXT, back_on TEXT, logged TEXT, people INTEGER,
    paid TEXT, kind INTEGER);
INSERT INTO trips VALUES (1, 1, 1, '2023-01-05 09:30:00', '2023-01-06', '2023-01-05T09:31:00Z', 4, 'Y', 0),
    (2, 1, 2, '2023-01-31 18:20:00', '2023-02-01', '2023-01-31T18:25:10Z', 9, 'N', 1),
    (3, 2, 3, '2022-12-31 23:05:00', '2023-01-02', '2022-12-31T23:06:00Z', 12, 'Y', 2),
    (4, 3, 1, '2022-06-14 07:00:00', '2022-06-14', '2022-06-14T07:00:30Z', 6, 'Y', 1),
    (5, 4, 4, '2023-02-11 15:45:00', '2023-02-12', '2023-02-11T15:47:00Z', 2, 'N', 0),
    (6, 3, 3, '2023-01-05 16:10:00', '2023-01-05', '2023-01-05T16:11:00Z', 10, 'Y', 2);
CREATE VIEW departures AS SELECT b.name AS boat, s.home_port AS port, strftime('%Y', t.left_at) AS year,
    t.people + 0 AS guests, t.left_at FROM trips AS t JOIN boats AS b ON t.boat_id = b.boat_id
    JOIN skippers AS s ON t.skipper_id = s.skipper_id;
CREATE TABLE races (race_id INTEGER PRIMARY KEY, sailed_on DATE);
INSERT INTO races VALUES (1, '2021-05-02'), (2, '2021-09-18'), (3, '2022-05-03'), (4, '2023-05-07');
