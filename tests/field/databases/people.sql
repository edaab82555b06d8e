CREATE TABLE staff (staff_id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, unit TEXT, area_code TEXT, phone TEXT,
    street TEXT, town TEXT, salary INTEGER);
INSERT INTO staff VALUES (1, 'Ida', 'Voss', 'IT', '030', '4410', 'Elm 3', 'Bonn', 4100),
    (2, 'Per', 'Holm', 'IT', '040', '7752', 'Oak 9', 'Jena', 3900),
    (3, 'Eva', 'Lund', 'Sales', '030', '1190', 'Ash 1', 'Bonn', 5200),
    (4, 'Jon', 'Berg', 'Sales', '089', '6003', 'Fir 7', 'Ulm', 4700);
CREATE TABLE link (atom_a INTEGER, atom_b INTEGER, strength INTEGER);
INSERT INTO link VALUES (1, 2, 5), (2, 3, 9), (1, 4, 2);
CREATE TABLE leave_day (leave_id INTEGER PRIMARY KEY, staff_id INTEGER REFERENCES staff (staff_id), day TEXT, reason TEXT);
INSERT INTO leave_day VALUES (1, 1, '2024-01-05', 'ill'), (2, 1, '2024-02-01', 'ill'), (3, 2, '2024-02-01', 'holiday'),
    (4, 1, '2024-03-12', 'holiday'), (5, 4, '2024-03-13', 'ill');
