CREATE TABLE customers (customer_id INTEGER PRIMARY KEY, name TEXT, country TEXT, joined TEXT, vip INTEGER);
INSERT INTO customers VALUES (1, 'Astrid Berg', 'Norway', '2021-03-05', 1), (2, 'Bo Lind', 'Sweden', '2022-07-19', 0),
    (3, 'Cato Dahl', 'Norway', '2020-11-30', 0), (4, 'Dina O''Shea', 'Ireland', '2023-01-08', 1),
    (5, 'Eli Moe', 'Norway', '2022-12-24', 0);
CREATE TABLE invoices (invoice_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (customer_id),
    invoice_date TEXT, total REAL, note TEXT);
INSERT INTO invoices VALUES (10, 1, '2023-01-03', 12.5, 'paid; late'), (11, 1, '2023-01-21', 40.0, NULL),
    (12, 2, '2023-02-14', 8.25, 'paid'), (13, 3, '2022-12-31', 99.9, NULL), (14, 5, '2023-03-01', 40.0, 'open'),
    (15, 4, '2023-01-31', 17.0, 'paid');
