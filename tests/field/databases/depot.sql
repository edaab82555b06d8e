CREATE TABLE depots (depot_id INTEGER PRIMARY KEY, depot_name TEXT, town TEXT, opened_year INTEGER,
    floor_space REAL);
INSERT INTO depots VALUES (1, 'Hafen', 'Emden', 1988, 5200.0), (2, 'Nordtor', 'Leer', 2004, 3100.0),
    (3, 'Moorweg', 'Aurich', 1996, NULL), (4, 'Seekamp', 'Emden', 2011, 4100.0);
CREATE TABLE workers (worker_id INTEGER PRIMARY KEY, full_name TEXT, job TEXT,
    depot_id INTEGER REFERENCES depots (depot_id), supervisor_id INTEGER REFERENCES workers (worker_id),
    birth_year INTEGER, age INTEGER, salary REAL, score TEXT, finish_rank INTEGER, run_seconds REAL);
INSERT INTO workers VALUES
    (1, 'Okka Janssen', 'chief', 1, NULL, 1969, 55, 5200.0, '98', 4, 71.5),
    (2, 'Tjark Behrends', 'driver', 1, 1, 1990, 34, 2900.0, '104', 1, 64.2),
    (3, 'Frauke Poppinga', 'driver', 2, 1, 1994, 30, 2700.0, '87', 12, NULL),
    (4, 'Wiard Saathoff', 'clerk', 2, 3, 1981, 43, 3100.0, '215', 9, 80.1),
    (5, 'Gesa Ubben', 'clerk', 3, 3, 2001, 23, 2300.0, NULL, 2, 69.9),
    (6, 'Hilko Dirks', 'driver', 4, 1, 1985, 39, 2950.0, '9', 15, 90.4);
CREATE TABLE parcels (parcel_id INTEGER PRIMARY KEY, worker_id INTEGER REFERENCES workers (worker_id),
    weight_kg REAL, status TEXT, sent_on TEXT, quantity INTEGER, description TEXT);
INSERT INTO parcels VALUES (1, 2, 4.5, 'lost', '2024-02-03', 3, 'tea'), (2, 2, 11.0, 'delivered', '2024-02-04', 1, 'rope'),
    (3, 3, 2.5, 'delivered', '2024-02-04', 8, 'tea'), (4, 3, 30.0, 'returned', '2024-03-01', 2, 'anchor'),
    (5, 6, 7.25, 'delivered', '2024-03-09', 5, 'rope'), (6, 6, 1.0, 'lost', '2024-03-11', 1, 'pin'),
    (7, 2, 9.0, 'delivered', '2024-04-01', 4, 'tea');
CREATE TABLE permits (permit_id INTEGER PRIMARY KEY, worker_id INTEGER REFERENCES workers (worker_id),
    kind TEXT);
INSERT INTO permits VALUES (1, 2, 'truck'), (2, 2, 'truck'), (3, 3, 'truck'), (4, 6, 'crane'), (5, 4, 'crane');
CREATE TABLE timetable (line TEXT, stop_no INTEGER, place TEXT, PRIMARY KEY (line, stop_no));
INSERT INTO timetable VALUES ('A', 1, 'Emden'), ('A', 2, 'Leer'), ('A', 3, 'Weener'), ('B', 1, 'Aurich'), ('B', 2, 'Norden');
CREATE TABLE halts (halt_id INTEGER PRIMARY KEY, line TEXT, stop_no INTEGER, minutes INTEGER,
    FOREIGN KEY (line, stop_no) REFERENCES timetable (line, stop_no));
INSERT INTO halts VALUES (1, 'A', 1, 5), (2, 'A', 3, 9), (3, 'B', 2, 4);
CREATE TABLE FuelBills (BillID INTEGER PRIMARY KEY, DepotID INTEGER REFERENCES depots (depot_id), LitrePrice REAL,
    PaidAmount REAL);
INSERT INTO FuelBills VALUES (1, 1, 1.61, 320.0), (2, 1, 1.58, 290.5), (3, 2, 1.7, 110.0);
