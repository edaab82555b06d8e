"""PostgreSQL and MariaDB from the system's packages, started on loopback for tests and for trying things.

    python -m tests.servers start postgres     prints a URL that may do anything there; leaves it running
    python -m tests.servers start mysql
    python -m tests.servers stop postgres      ends it and removes its folder

Each server has a folder, a port and passwords of its own and keeps nothing: it does not wait for the disk,
and its folder goes with it. Where the caller is root it runs as the package's user. A process beside it
(`watch`) holds it: the server ends with the process that it was started for, however that one ends.
"""
