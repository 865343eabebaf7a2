-- Connectors, who claims which domain, and exceptions from single sign-on. The same text for every engine: times are Unix
-- milliseconds, booleans are 0 and 1.

CREATE TABLE oidcsso_connectors (
	id             TEXT   NOT NULL PRIMARY KEY, -- random, never used twice: deleted ones stay
	tenant         TEXT   NOT NULL,
	state          TEXT   NOT NULL,
	revision       BIGINT NOT NULL, -- of the whole store, when the row last changed
	config         TEXT   NOT NULL, -- JSON, without secrets
	secret         TEXT   NOT NULL, -- sealed, or empty
	next_secret    TEXT   NOT NULL, -- sealed, or empty
	domains        TEXT   NOT NULL, -- JSON: those that the connector owns
	former_issuers TEXT   NOT NULL, -- JSON
	signed_in      BIGINT NOT NULL, -- the first sign-in with the issuer, or 0
	created        BIGINT NOT NULL,
	updated        BIGINT NOT NULL,
	mac            TEXT   NOT NULL  -- over all of the above
);
CREATE UNIQUE INDEX oidcsso_connectors_feed ON oidcsso_connectors (revision, id);
CREATE INDEX oidcsso_connectors_tenant ON oidcsso_connectors (tenant, id);

CREATE TABLE oidcsso_claims (
	id            TEXT    NOT NULL PRIMARY KEY,
	connector     TEXT    NOT NULL REFERENCES oidcsso_connectors (id),
	name          TEXT    NOT NULL,
	wildcard      INTEGER NOT NULL,
	owned         INTEGER NOT NULL, -- many may claim a domain, one may own it
	proof         TEXT    NOT NULL, -- dns, or asserted by an operator
	token         TEXT    NOT NULL, -- of the DNS record
	created       BIGINT  NOT NULL,
	expires       BIGINT  NOT NULL, -- until when the token can be proven; 0 once it is owned
	verified      BIGINT  NOT NULL, -- when it became owned, or 0
	thawed        TEXT    NOT NULL, -- the state to which a frozen domain returns, or empty
	missing_since BIGINT  NOT NULL, -- the first re-check that did not find the record, or 0
	mac           TEXT    NOT NULL, -- over all of the above
	checked       BIGINT  NOT NULL, -- the last check of the record, or 0
	next_check    BIGINT  NOT NULL, -- 0: never
	report_count  BIGINT  NOT NULL, -- attempts that enforcement would have stopped
	report_last   BIGINT  NOT NULL,
	warned        BIGINT  NOT NULL  -- when it was last told that nobody can say whether the record is there, or 0
);
CREATE UNIQUE INDEX oidcsso_claims_owner ON oidcsso_claims (name, wildcard) WHERE owned = 1;
CREATE INDEX oidcsso_claims_connector ON oidcsso_claims (connector, id);
CREATE INDEX oidcsso_claims_due ON oidcsso_claims (next_check, id) WHERE next_check > 0;

CREATE TABLE oidcsso_grants (
	id         TEXT   NOT NULL PRIMARY KEY,
	connector  TEXT   NOT NULL REFERENCES oidcsso_connectors (id),
	address    TEXT   NOT NULL, -- canonical
	granted_by TEXT   NOT NULL,
	reason     TEXT   NOT NULL,
	created    BIGINT NOT NULL,
	until      BIGINT NOT NULL,
	revoked    BIGINT NOT NULL, -- when, or 0
	mac        TEXT   NOT NULL, -- over all of the above
	uses       BIGINT NOT NULL,
	last_used  BIGINT NOT NULL
);
CREATE INDEX oidcsso_grants_connector ON oidcsso_grants (connector, address);

CREATE TABLE oidcsso_ended (
	name     TEXT    NOT NULL,
	wildcard INTEGER NOT NULL,
	ended    BIGINT  NOT NULL, -- when a claim that owned the domain last ended
	PRIMARY KEY (name, wildcard)
);
