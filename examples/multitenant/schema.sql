-- The backend's own tables. Times are Unix milliseconds.

CREATE TABLE IF NOT EXISTS people (
	id       TEXT NOT NULL PRIMARY KEY,
	name     TEXT NOT NULL,
	password TEXT NOT NULL, -- hashed; empty: none
	recovery TEXT NOT NULL, -- a recovery code, hashed; empty: none
	claim    TEXT NOT NULL  -- ClaimID of Identity.Domain when the account was made or linked; empty: none
);

CREATE TABLE IF NOT EXISTS addresses (
	address  TEXT   NOT NULL PRIMARY KEY, -- as addressKey has it
	person   TEXT   NOT NULL REFERENCES people (id),
	verified BIGINT NOT NULL -- when its owner confirmed it; 0: never
);

CREATE TABLE IF NOT EXISTS links (
	key       TEXT NOT NULL PRIMARY KEY, -- AccountKey.String
	connector TEXT NOT NULL,
	issuer    TEXT NOT NULL,
	subject   TEXT NOT NULL,
	person    TEXT NOT NULL UNIQUE REFERENCES people (id)
);

CREATE TABLE IF NOT EXISTS sessions (
	id        TEXT   NOT NULL PRIMARY KEY, -- hash of the cookie
	person    TEXT   NOT NULL REFERENCES people (id),
	connector TEXT   NOT NULL, -- by which the person signed in; empty: another way
	exception TEXT   NOT NULL, -- the grant that let the person in; empty: none was needed
	expires   BIGINT NOT NULL
);

-- Callbacks that were used, whichever replica they came to.
CREATE TABLE IF NOT EXISTS used (
	id    TEXT   NOT NULL PRIMARY KEY,
	until BIGINT NOT NULL
);
