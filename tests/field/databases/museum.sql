CREATE TABLE department (dept_code INTEGER PRIMARY KEY, name TEXT, floor INTEGER);
INSERT INTO department VALUES (1, 'Prints', 1), (2, 'Coins', 2), (3, 'Glass', 2);
CREATE TABLE curators (curator_id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, birth_date TEXT,
    dept_code INTEGER REFERENCES department (dept_code), e_mail TEXT, phone_number TEXT);
INSERT INTO curators VALUES (1, 'Imke', 'Voss', '1971-04-02', 1, 'iv@m.example', '11'),
    (2, 'Enno', 'Tammen', '1983-09-12', 2, 'et@m.example', '12'), (3, 'Silke', 'Harms', '1990-01-30', 2, 'sh@m.example', '13');
CREATE TABLE exhibits (exhibit_id INTEGER PRIMARY KEY, exhibit_title TEXT, curator_id INTEGER REFERENCES curators (curator_id),
    qty INTEGER, purchase_price REAL, year_acquired INTEGER, "Insured Value" REAL);
INSERT INTO exhibits VALUES (1, 'Groat hoard', 2, 40, 900.0, 1998, 2500.0), (2, 'Woodcut', 1, 1, 150.0, 2005, 800.0),
    (3, 'Goblet', 3, 2, 75.5, 2011, 120.0), (4, 'Token set', 2, 12, 60.0, 2019, 95.0);
CREATE TABLE visits (visit_id INTEGER PRIMARY KEY, exhibit_id INTEGER REFERENCES exhibits (exhibit_id), visit_date TEXT,
    num_adults INTEGER, num_children INTEGER, guide_addr TEXT);
INSERT INTO visits VALUES (1, 1, '2024-05-01', 2, 3, 'Quay 1'), (2, 1, '2024-05-02', 4, 0, 'Quay 2'), (3, 3, '2024-05-02', 1, 1, 'Dyke 7');
CREATE TABLE LoanContracts (LoanID INTEGER PRIMARY KEY, ExhibitID INTEGER REFERENCES exhibits (exhibit_id),
    BorrowerName TEXT, InsuranceAmt REAL);
INSERT INTO LoanContracts VALUES (1, 1, 'Oldenburg', 3000.0), (2, 3, 'Jever', 150.0);
