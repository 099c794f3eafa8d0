-- The five tables, and a help to one of them. Without rowids: a row lies in its primary key's tree, so that one
-- account's rows lie together.

CREATE TABLE records (
    account BLOB NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    state INTEGER NOT NULL,
    parent BLOB,
    sort_at INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    consumer BLOB,
    PRIMARY KEY (account, kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX records_by_parent ON records (account, kind, parent, id) WHERE parent IS NOT NULL;
CREATE INDEX records_by_state ON records (account, kind, state, sort_at, id) WHERE state > 0;

-- Tokens are random: in one tree each new one would land on a page of its own, and every page would be written again for
-- a few bytes. So lookups are kept by generation, and only the newest generation, which is small, is inserted into. The
-- one table whose key does not begin with the account.
CREATE TABLE lookups (
    generation INTEGER NOT NULL,
    account BLOB NOT NULL,
    name INTEGER NOT NULL,
    token BLOB NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (generation, account, name, token)
) STRICT, WITHOUT ROWID;

-- Says for eight generations which of them may have a token: a Bloom filter each, bit by bit beside each other. Kept in
-- memory; stored so that it need not be made again from all lookups at each start.
CREATE TABLE lookup_filters (
    block INTEGER PRIMARY KEY,
    -- The newest generation that the bits know of.
    generation INTEGER NOT NULL,
    bits BLOB NOT NULL
) STRICT;

CREATE TABLE entries (
    account BLOB NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor BLOB NOT NULL,
    action TEXT NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    leaf BLOB NOT NULL,
    PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;

-- A consumer's place in the log, and who holds the right to move it; consumer 0 is the account's head.
CREATE TABLE cursors (
    account BLOB NOT NULL,
    consumer INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    node BLOB NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (account, consumer)
) STRICT, WITHOUT ROWID;

CREATE TABLE tiles (
    account BLOB NOT NULL,
    level INTEGER NOT NULL,
    "index" INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (account, level, "index")
) STRICT, WITHOUT ROWID;
