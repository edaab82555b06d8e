-- The database of the golden pairs in postgres.txt.
CREATE TABLE users (id integer PRIMARY KEY, name text, email text, created timestamp, born date, score double precision, tags text[], data jsonb, active boolean);
CREATE TABLE orders (id integer PRIMARY KEY, user_id integer REFERENCES users (id), amount numeric(10,2), placed timestamptz, "Status" text, items integer[]);
CREATE SCHEMA sales;
CREATE TABLE sales.orders (id integer PRIMARY KEY, region text, total numeric);
CREATE TABLE sales.targets (region text PRIMARY KEY, goal numeric);
INSERT INTO users VALUES (1, 'Ann', 'ann@x.org', '2020-03-01 10:20:30', '1990-05-17', 3.5, '{a,b}', '{"city": "Oslo", "n": {"k": [1, 2]}}', true), (2, 'Bob', NULL, '2021-07-09 23:59:00', '1985-12-31', NULL, '{b,c}', '{"city": "Rome"}', false), (3, 'Cid', 'cid@y.net', NULL, NULL, 1.25, NULL, NULL, NULL), (4, 'dora', 'D@x.org', '2020-11-30 00:00:00', '2000-02-29', 3.5, '{}', '{"city": null}', true);
INSERT INTO orders VALUES (1, 1, 10.50, '2021-01-01 00:30:00+00', 'paid', '{1,2,3}'), (2, 1, 20.00, '2021-01-02 12:00:00+00', 'open', '{2}'), (3, 2, 7.25, '2021-02-01 23:00:00+00', 'paid', NULL), (4, NULL, 99.99, NULL, 'lost', '{}');
INSERT INTO sales.orders VALUES (1, 'north', 100), (2, 'south', 50), (3, 'north', 25);
INSERT INTO sales.targets VALUES ('north', 120), ('south', 60);
