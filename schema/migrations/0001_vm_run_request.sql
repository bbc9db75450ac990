-- The record of truth: where every VM stands, what was done to it, what was asked of it.
--
-- A line that ends in an "only:" mark is for that one database, all others are for both. A statement
-- ends with a semicolon at the end of a line. Times are microseconds since the epoch, UTC.
--
-- There are no foreign keys: on PostgreSQL each of them locks the vm row once more per step, and
-- the statements that write here insert into the other tables only for the vm rows they won.

-- What steps write, and nothing else: an update that leaves wake_at alone touches no index, finds
-- room on its page and is a quarter cheaper.
CREATE TABLE vm (
    service_id TEXT COLLATE "C" PRIMARY KEY, -- only: postgresql
    service_id TEXT NOT NULL PRIMARY KEY, -- only: sqlite
    pipeline TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state <> ''),
    phase TEXT NOT NULL,
    run BIGINT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    wake_at BIGINT,
    queued INTEGER NOT NULL DEFAULT 0 CHECK (queued >= 0),
    log_row INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    answer TEXT NOT NULL,
    answered_at BIGINT NOT NULL,
    told_at BIGINT NOT NULL,
    last_error_action TEXT NOT NULL,
    last_error TEXT NOT NULL
)
    WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, -- only: postgresql
          autovacuum_vacuum_cost_delay = 0) -- only: postgresql
    WITHOUT ROWID -- only: sqlite
;

-- The only timer. VMs at rest are not in it, so that looking costs what is due.
CREATE INDEX vm_wake_at ON vm (wake_at) WHERE wake_at IS NOT NULL;

-- What rarely changes.
CREATE TABLE vm_detail (
    service_id TEXT COLLATE "C" PRIMARY KEY, -- only: postgresql
    service_id TEXT NOT NULL PRIMARY KEY, -- only: sqlite
    cluster TEXT NOT NULL,
    target TEXT NOT NULL,
    applied TEXT NOT NULL,
    request_id TEXT NOT NULL,
    traceparent TEXT NOT NULL
)
    WITHOUT ROWID -- only: sqlite
;

CREATE TABLE run (
    service_id TEXT COLLATE "C" NOT NULL, -- only: postgresql
    service_id TEXT NOT NULL, -- only: sqlite
    run BIGINT NOT NULL,
    pipeline TEXT NOT NULL,
    result TEXT NOT NULL,
    error TEXT NOT NULL,
    request_id TEXT NOT NULL,
    began BIGINT NOT NULL,
    ended BIGINT,
    PRIMARY KEY (service_id, run)
)
    WITHOUT ROWID -- only: sqlite
;

CREATE TABLE run_step (
    service_id TEXT COLLATE "C" NOT NULL, -- only: postgresql
    service_id TEXT NOT NULL, -- only: sqlite
    run BIGINT NOT NULL,
    row INTEGER NOT NULL,
    pipeline TEXT NOT NULL,
    number INTEGER NOT NULL,
    label TEXT NOT NULL,
    result TEXT NOT NULL,
    text TEXT NOT NULL,
    lines TEXT NOT NULL,
    left_state TEXT NOT NULL,
    reached_state TEXT NOT NULL,
    began BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    writer TEXT COLLATE "C" NOT NULL, -- only: postgresql
    writer TEXT NOT NULL, -- only: sqlite
    told_as BIGINT NOT NULL,
    PRIMARY KEY (service_id, run, row)
)
    WITHOUT ROWID -- only: sqlite
;

-- Proof that a save happened, and where the step-events of a dead process are taken up again.
CREATE INDEX run_step_writer ON run_step (writer, told_as);

CREATE TABLE request (
    place BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- only: postgresql
    place INTEGER PRIMARY KEY AUTOINCREMENT, -- only: sqlite
    id TEXT COLLATE "C" NOT NULL UNIQUE, -- only: postgresql
    id TEXT NOT NULL UNIQUE, -- only: sqlite
    service_id TEXT COLLATE "C" NOT NULL, -- only: postgresql
    service_id TEXT NOT NULL, -- only: sqlite
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('accepted', 'queued', 'done', 'rejected')),
    why TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX request_queued ON request (service_id, place) WHERE status = 'queued';

-- At most one entry per service, run and kind, ever.
CREATE TABLE activity (
    service_id TEXT COLLATE "C" NOT NULL, -- only: postgresql
    service_id TEXT NOT NULL, -- only: sqlite
    run BIGINT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    at BIGINT NOT NULL,
    published_at BIGINT,
    PRIMARY KEY (service_id, run, kind)
);

CREATE INDEX activity_unpublished ON activity (at) WHERE published_at IS NULL;

-- raw: in base64.
CREATE TABLE dead_letter (
    key TEXT COLLATE "C" PRIMARY KEY, -- only: postgresql
    key TEXT NOT NULL PRIMARY KEY, -- only: sqlite
    kind TEXT NOT NULL,
    service_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    origin_topic TEXT NOT NULL,
    origin_partition INTEGER NOT NULL,
    origin_offset BIGINT NOT NULL,
    raw TEXT NOT NULL,
    raw_length BIGINT NOT NULL,
    raw_sha256 TEXT NOT NULL,
    published_at BIGINT,
    resolved_at BIGINT,
    resolved_by TEXT NOT NULL DEFAULT '',
    resolved_how TEXT NOT NULL DEFAULT ''
);

CREATE INDEX dead_letter_unpublished ON dead_letter (at) WHERE published_at IS NULL;

-- A process that writes run_step: alive when, and the mark below which all its step-events are out.
CREATE TABLE writer (
    writer TEXT COLLATE "C" PRIMARY KEY, -- only: postgresql
    writer TEXT NOT NULL PRIMARY KEY, -- only: sqlite
    heartbeat BIGINT NOT NULL,
    published_below BIGINT NOT NULL
);
