CREATE TABLE readers (reader_id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, town TEXT, born DATE, email TEXT);
INSERT INTO readers VALUES (1, 'Ines', 'Kolb', 'Arnheim', '1980-02-11', 'ines@post.example'),
    (2, 'Oskar', 'Brandt', 'Delft', '1994-07-30', NULL), (3, 'Maud', 'Visser', 'Arnheim', '2001-12-05', 'maud@mail.example'),
    (4, 'Piet', 'Kolb', 'Zwolle', '1980-10-23', 'piet@post.example'), (5, 'Rosa', 'Dekker', 'Delft', NULL, 'rosa@mail.example');
CREATE TABLE books (book_id INTEGER PRIMARY KEY, title TEXT, genre TEXT, pages INTEGER, price REAL, bought_at DATETIME, shelf TEXT);
INSERT INTO books VALUES (1, 'Salt Roads', 'novel', 310, 14.5, '2021-01-05 09:30:00', 'A-12'),
    (2, 'The Quiet Mill', 'novel', 248, 9.9, '2021-03-17 16:45:00', 'A-7'), (3, 'Atlas of Winds', 'science', 420, 35.0, '2021-03-29 11:00:00', 'C-1'),
    (4, 'Bread and Iron', 'history', 510, 22.25, '2022-08-02 10:10:00', 'B-3'), (5, 'Night Ferries', 'novel', 190, 9.9, '2022-08-30 14:05:00', 'A-9'),
    (6, 'Counting Rain', 'science', 275, 18.0, '2023-02-14 08:20:00', NULL);
CREATE TABLE lendings (lending_id INTEGER PRIMARY KEY, reader_id INTEGER REFERENCES readers (reader_id),
    book_id INTEGER REFERENCES books (book_id), taken TEXT, returned TEXT, late_fee INTEGER, renewals INTEGER);
INSERT INTO lendings VALUES (1, 1, 1, '2022-01-10', '2022-01-31', 2, 1), (2, 1, 3, '2022-02-15', '2022-02-20', 0, 0),
    (3, 2, 2, '2022-03-02', '2022-04-18', 7, 3), (4, 3, 1, '2022-11-25', '2022-12-09', 0, 1), (5, 4, 4, '2023-01-03', '2023-02-27', 9, 2),
    (6, 3, 5, '2023-01-30', '2023-02-03', 0, 0), (7, 5, 2, '2023-05-16', '2023-06-06', 2, 1), (8, 1, 6, '2023-07-01', NULL, 0, 0);
