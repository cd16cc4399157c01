"""The tables of run/evolve.sqlite."""

SCHEMA_VERSION = 2
"""Raised whenever a table or what its numbers mean changes: runs of another version are
not read. 2: hypervolume on the scales of the measures."""

SCHEMA = """
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE candidates (
    id         INTEGER PRIMARY KEY,    -- in the order of proposal, from 1
    key        TEXT NOT NULL UNIQUE,
    candidate  TEXT NOT NULL,          -- JSON
    source     TEXT NOT NULL,          -- .star text; "" of one that is illegal
    generation INTEGER NOT NULL,
    origin     TEXT NOT NULL,          -- seed:NAME, sample, crossover or mutation
    parents    TEXT NOT NULL,          -- JSON: ids
    changes    TEXT NOT NULL,          -- JSON: what mutation and repair did
    valid_before_repair INTEGER NOT NULL,
    function   TEXT NOT NULL           -- sha256 of what it computes, labels apart
);
CREATE INDEX candidates_by_generation ON candidates (generation);
CREATE INDEX candidates_by_function ON candidates (function);

CREATE TABLE outcomes (                -- the last one of each candidate
    candidate INTEGER PRIMARY KEY REFERENCES candidates,
    rung      INTEGER NOT NULL,
    status    TEXT NOT NULL,           -- ok, invalid, failed or stopped
    reason    TEXT NOT NULL,
    measures  TEXT NOT NULL            -- JSON
);

CREATE TABLE rungs (                   -- every one, as it was measured
    candidate INTEGER NOT NULL REFERENCES candidates,
    rung      INTEGER NOT NULL,
    status    TEXT NOT NULL,
    reason    TEXT NOT NULL,
    measures  TEXT NOT NULL,
    PRIMARY KEY (candidate, rung)
) WITHOUT ROWID;

CREATE TABLE proposals (               -- made, perhaps not measured yet
    generation INTEGER PRIMARY KEY,
    statistics TEXT NOT NULL           -- JSON: invalid, duplicates, repairs
);

CREATE TABLE generations (             -- finished ones
    number      INTEGER PRIMARY KEY,
    population  TEXT NOT NULL,         -- JSON: ids that survive
    front       TEXT NOT NULL,         -- JSON: ids, of all candidates so far
    hypervolume REAL NOT NULL,
    statistics  TEXT NOT NULL          -- JSON
);

CREATE TABLE timings (                 -- what a clock said: differs between runs
    candidate INTEGER NOT NULL,        -- 0: the coordinator itself
    rung      INTEGER NOT NULL,
    name      TEXT NOT NULL,
    seconds   REAL NOT NULL
);
"""

COMPARED = (
    "meta",
    "candidates",
    "outcomes",
    "rungs",
    "proposals",
    "generations",
)
"""Tables that two runs of one search share to the byte: all but `timings`."""
