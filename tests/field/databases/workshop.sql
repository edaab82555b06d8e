CREATE TABLE bike (bike_id INTEGER PRIMARY KEY, maker TEXT, model TEXT, gears TEXT, bought TEXT, price INTEGER,
    retired_by INTEGER);
INSERT INTO bike VALUES (1, 'Corva', 'Swift', '9', '2019-05-02', 900, NULL),
    (2, 'Corva', 'Tour', '11', '2020-06-11', 1400, 3), (3, 'Lindal', 'Town', '3', NULL, 650, NULL),
    (4, 'Lindal', 'Cargo', '7', '2021-03-30', 2300, 1), (5, 'Orrin', 'Race', '22', '2018-09-15', 2300, NULL);
CREATE TABLE mechanic (mechanic_id INTEGER PRIMARY KEY, name TEXT, wage INTEGER, town TEXT);
INSERT INTO mechanic VALUES (1, 'Ines Roth', 21, 'Graz'), (2, 'Jon Vik', 19, 'Linz'), (3, 'Kaja Stern', 24, 'Graz');
CREATE TABLE repair (repair_id INTEGER PRIMARY KEY, bike_id INTEGER REFERENCES bike (bike_id),
    mechanic_id INTEGER REFERENCES mechanic (mechanic_id), done_on TEXT, minutes INTEGER, cost REAL);
INSERT INTO repair VALUES (1, 1, 1, '2022-01-10', 45, 60.0), (2, 1, 2, '2022-02-11', 30, 35.5),
    (3, 2, 1, '2022-02-15', 90, 140.0), (4, 4, 3, '2022-03-01', 30, 35.5), (5, 5, NULL, '2022-03-20', 15, 12.0);
CREATE TABLE rack (hall TEXT, number INTEGER, spots INTEGER, PRIMARY KEY (hall, number));
INSERT INTO rack VALUES ('east', 1, 10), ('east', 2, 12), ('west', 1, 8);
CREATE TABLE booking (booking_id INTEGER PRIMARY KEY, hall TEXT, number INTEGER, bike_id INTEGER,
    FOREIGN KEY (hall, number) REFERENCES rack (hall, number));
INSERT INTO booking VALUES (1, 'east', 1, 1), (2, 'east', 2, 2), (3, 'west', 1, 3);
