-- The five tables. Every primary key and unique index begins with the account, so that Citus can spread them by it.
-- Sealed values cannot be compressed: large ones are stored out of line as they are.

CREATE TABLE records (
    version bigint NOT NULL,
    sort_at bigint NOT NULL,
    account uuid NOT NULL,
    id uuid NOT NULL,
    parent uuid,
    kind smallint NOT NULL,
    state smallint NOT NULL,
    sealed bytea NOT NULL,
    consumer bytea,
    PRIMARY KEY (account, kind, id)
) WITH (fillfactor = 90);

ALTER TABLE records ALTER COLUMN sealed SET STORAGE EXTERNAL, ALTER COLUMN consumer SET STORAGE EXTERNAL;

CREATE INDEX records_by_parent ON records (account, kind, parent, id) WHERE parent IS NOT NULL;
CREATE INDEX records_by_state ON records (account, kind, state, sort_at, id) WHERE state > 0;

CREATE TABLE lookups (
    account uuid NOT NULL,
    token uuid NOT NULL,
    id uuid NOT NULL,
    name smallint NOT NULL,
    kind smallint NOT NULL,
    PRIMARY KEY (account, name, token)
);

CREATE TABLE entries (
    seq bigint NOT NULL,
    at bigint NOT NULL,
    version bigint NOT NULL,
    account uuid NOT NULL,
    id uuid NOT NULL,
    kind smallint NOT NULL,
    actor bytea NOT NULL,
    leaf bytea NOT NULL,
    action text NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (account, seq)
);

ALTER TABLE entries ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- A consumer's place in the log, and who holds the right to move it; consumer 0 is the account's head. Rows are changed
-- all the time and never grow: half of each page is left free, so that a change stays on its page and touches no index.
CREATE TABLE cursors (
    seq bigint NOT NULL,
    fence bigint NOT NULL,
    until bigint NOT NULL,
    consumer bigint NOT NULL,
    account uuid NOT NULL,
    node uuid NOT NULL,
    PRIMARY KEY (account, consumer)
) WITH (fillfactor = 50);

CREATE TABLE tiles (
    index bigint NOT NULL,
    account uuid NOT NULL,
    level smallint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (account, level, index)
) WITH (fillfactor = 50);

ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;
