-- The schema as the migrations leave it, told by the databases themselves. Made by a test,
-- which also compares it; why things are so stands in schema/migrations.

-- SQLite

CREATE TABLE activity (
    service_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    at BIGINT NOT NULL,
    published_at BIGINT,
    PRIMARY KEY (service_id, run, kind)
);

CREATE INDEX activity_unpublished ON activity (at) WHERE published_at IS NULL;

CREATE TABLE dead_letter (
    key TEXT NOT NULL PRIMARY KEY,
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

CREATE TABLE dns_record (
    service_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    zone TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    ttl INTEGER NOT NULL,
    PRIMARY KEY (service_id, provider, zone, name, type, value)
)
    WITHOUT ROWID;

CREATE TABLE inventory (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    secret TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (kind, name)
)
    WITHOUT ROWID;

CREATE TABLE inventory_revision (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    revision BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE ip_address (
    key TEXT NOT NULL PRIMARY KEY,
    address TEXT NOT NULL,
    pool TEXT NOT NULL,
    service_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    place INTEGER NOT NULL,
    taken_at BIGINT NOT NULL,
    quarantine BIGINT NOT NULL,
    rests_until BIGINT
)
    WITHOUT ROWID;

CREATE INDEX ip_address_pool ON ip_address (pool, key);

CREATE INDEX ip_address_resting ON ip_address (key, rests_until) WHERE rests_until IS NOT NULL;

CREATE INDEX ip_address_service ON ip_address (service_id);

CREATE TABLE ip_pool (
    name TEXT NOT NULL PRIMARY KEY,
    first_free TEXT NOT NULL DEFAULT '',
    ranges TEXT NOT NULL DEFAULT ''
)
    WITHOUT ROWID;

CREATE TABLE letter (
    service_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    published_at BIGINT,
    due_at BIGINT,
    attempts INTEGER NOT NULL DEFAULT 0,
    tried_at BIGINT,
    sent_at BIGINT,
    error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (service_id, run, kind)
)
    WITHOUT ROWID;

CREATE INDEX letter_due ON letter (due_at) WHERE due_at IS NOT NULL;

CREATE INDEX letter_unpublished ON letter (at) WHERE published_at IS NULL;

CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL);

CREATE TABLE request (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    service_id TEXT NOT NULL,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('accepted', 'queued', 'done', 'rejected')),
    why TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX request_queued ON request (service_id, place) WHERE status = 'queued';

CREATE TABLE run (
    service_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    pipeline TEXT NOT NULL,
    result TEXT NOT NULL,
    error TEXT NOT NULL,
    request_id TEXT NOT NULL,
    began BIGINT NOT NULL,
    ended BIGINT,
    PRIMARY KEY (service_id, run)
)
    WITHOUT ROWID;

CREATE TABLE run_step (
    service_id TEXT NOT NULL,
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
    writer TEXT NOT NULL,
    told_as BIGINT NOT NULL,
    PRIMARY KEY (service_id, run, row)
)
    WITHOUT ROWID;

CREATE INDEX run_step_writer ON run_step (writer, told_as);

CREATE TABLE slot (
    resource TEXT NOT NULL,
    n INTEGER NOT NULL CHECK (n > 0),
    service_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    state TEXT NOT NULL,
    phase TEXT NOT NULL,
    taken_at BIGINT NOT NULL,
    PRIMARY KEY (resource, n)
)
    WITHOUT ROWID;

CREATE INDEX slot_service ON slot (service_id);

CREATE TABLE slot_wait (
    resource TEXT NOT NULL,
    service_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    state TEXT NOT NULL,
    phase TEXT NOT NULL,
    since BIGINT NOT NULL,
    asks_by BIGINT NOT NULL,
    PRIMARY KEY (resource, service_id)
)
    WITHOUT ROWID;

CREATE INDEX slot_wait_service ON slot_wait (service_id);

CREATE TABLE vm (
    service_id TEXT NOT NULL PRIMARY KEY,
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
    WITHOUT ROWID;

CREATE INDEX vm_wake_at ON vm (wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE vm_detail (
    service_id TEXT NOT NULL PRIMARY KEY,
    cluster TEXT NOT NULL,
    target TEXT NOT NULL,
    applied TEXT NOT NULL,
    request_id TEXT NOT NULL,
    traceparent TEXT NOT NULL
, client TEXT NOT NULL DEFAULT '', product TEXT NOT NULL DEFAULT '', node TEXT NOT NULL DEFAULT '', vmid BIGINT NOT NULL DEFAULT 0, name TEXT NOT NULL DEFAULT '', domain TEXT NOT NULL DEFAULT '', username TEXT NOT NULL DEFAULT '', password TEXT NOT NULL DEFAULT '', mac TEXT NOT NULL DEFAULT '', rev_dns TEXT NOT NULL DEFAULT '', service_status TEXT NOT NULL DEFAULT '')
    WITHOUT ROWID;

CREATE TABLE vm_task (
    upid TEXT NOT NULL PRIMARY KEY,
    cluster TEXT NOT NULL,
    service_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    step TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    ended_at BIGINT,
    exit_status TEXT NOT NULL DEFAULT ''
)
    WITHOUT ROWID;

CREATE INDEX vm_task_service ON vm_task (service_id, run);

CREATE TABLE vmid (
    cluster TEXT NOT NULL,
    vmid BIGINT NOT NULL,
    service_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'burnt', 'released')),
    at BIGINT NOT NULL,
    rest BIGINT NOT NULL,
    rests_until BIGINT,
    PRIMARY KEY (cluster, vmid)
)
    WITHOUT ROWID;

CREATE INDEX vmid_released ON vmid (cluster, vmid, rests_until) WHERE state = 'released';

CREATE INDEX vmid_service ON vmid (service_id);

CREATE TABLE writer (
    writer TEXT NOT NULL PRIMARY KEY,
    heartbeat BIGINT NOT NULL,
    published_below BIGINT NOT NULL
);

-- PostgreSQL

CREATE TABLE activity (
    service_id TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    at BIGINT NOT NULL,
    published_at BIGINT,
    CONSTRAINT activity_pkey PRIMARY KEY (service_id, run, kind)
);

CREATE INDEX activity_unpublished ON activity USING btree (at) WHERE (published_at IS NULL);

CREATE TABLE dead_letter (
    key TEXT COLLATE "C" NOT NULL,
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
    resolved_by TEXT NOT NULL DEFAULT ''::text,
    resolved_how TEXT NOT NULL DEFAULT ''::text,
    CONSTRAINT dead_letter_pkey PRIMARY KEY (key)
);

CREATE INDEX dead_letter_unpublished ON dead_letter USING btree (at) WHERE (published_at IS NULL);

CREATE TABLE dns_record (
    service_id TEXT COLLATE "C" NOT NULL,
    provider TEXT NOT NULL,
    zone TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    ttl INTEGER NOT NULL,
    CONSTRAINT dns_record_pkey PRIMARY KEY (service_id, provider, zone, name, type, value)
);

CREATE TABLE inventory (
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    secret TEXT NOT NULL DEFAULT ''::text,
    CONSTRAINT inventory_pkey PRIMARY KEY (kind, name)
);

CREATE TABLE inventory_revision (
    one INTEGER NOT NULL,
    revision BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    CONSTRAINT inventory_revision_pkey PRIMARY KEY (one),
    CONSTRAINT inventory_revision_one_check CHECK ((one = 1))
);

CREATE TABLE ip_address (
    key TEXT COLLATE "C" NOT NULL,
    address TEXT NOT NULL,
    pool TEXT COLLATE "C" NOT NULL,
    service_id TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    place INTEGER NOT NULL,
    taken_at BIGINT NOT NULL,
    quarantine BIGINT NOT NULL,
    rests_until BIGINT,
    CONSTRAINT ip_address_pkey PRIMARY KEY (key)
);

CREATE INDEX ip_address_pool ON ip_address USING btree (pool, key);

CREATE INDEX ip_address_resting ON ip_address USING btree (key, rests_until) WHERE (rests_until IS NOT NULL);

CREATE INDEX ip_address_service ON ip_address USING btree (service_id);

CREATE TABLE ip_pool (
    name TEXT COLLATE "C" NOT NULL,
    first_free TEXT NOT NULL DEFAULT ''::text,
    ranges TEXT NOT NULL DEFAULT ''::text,
    CONSTRAINT ip_pool_pkey PRIMARY KEY (name)
);

CREATE TABLE letter (
    service_id TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    published_at BIGINT,
    due_at BIGINT,
    attempts INTEGER NOT NULL DEFAULT 0,
    tried_at BIGINT,
    sent_at BIGINT,
    error TEXT NOT NULL DEFAULT ''::text,
    CONSTRAINT letter_pkey PRIMARY KEY (service_id, run, kind)
);

CREATE INDEX letter_due ON letter USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX letter_unpublished ON letter USING btree (at) WHERE (published_at IS NULL);

CREATE TABLE migration (
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    CONSTRAINT migration_pkey PRIMARY KEY (number)
);

CREATE TABLE request (
    place BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    service_id TEXT COLLATE "C" NOT NULL,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL,
    why TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT request_id_key UNIQUE (id),
    CONSTRAINT request_pkey PRIMARY KEY (place),
    CONSTRAINT request_status_check CHECK ((status = ANY (ARRAY['accepted'::text, 'queued'::text, 'done'::text, 'rejected'::text])))
);

CREATE INDEX request_queued ON request USING btree (service_id, place) WHERE (status = 'queued'::text);

CREATE TABLE run (
    service_id TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    pipeline TEXT NOT NULL,
    result TEXT NOT NULL,
    error TEXT NOT NULL,
    request_id TEXT NOT NULL,
    began BIGINT NOT NULL,
    ended BIGINT,
    CONSTRAINT run_pkey PRIMARY KEY (service_id, run)
);

CREATE TABLE run_step (
    service_id TEXT COLLATE "C" NOT NULL,
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
    writer TEXT COLLATE "C" NOT NULL,
    told_as BIGINT NOT NULL,
    CONSTRAINT run_step_pkey PRIMARY KEY (service_id, run, "row")
);

CREATE INDEX run_step_writer ON run_step USING btree (writer, told_as);

CREATE TABLE slot (
    resource TEXT COLLATE "C" NOT NULL,
    n INTEGER NOT NULL,
    service_id TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    state TEXT NOT NULL,
    phase TEXT NOT NULL,
    taken_at BIGINT NOT NULL,
    CONSTRAINT slot_pkey PRIMARY KEY (resource, n),
    CONSTRAINT slot_n_check CHECK ((n > 0))
);

CREATE INDEX slot_service ON slot USING btree (service_id);

CREATE TABLE slot_wait (
    resource TEXT COLLATE "C" NOT NULL,
    service_id TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    state TEXT NOT NULL,
    phase TEXT NOT NULL,
    since BIGINT NOT NULL,
    asks_by BIGINT NOT NULL,
    CONSTRAINT slot_wait_pkey PRIMARY KEY (resource, service_id)
);

CREATE INDEX slot_wait_service ON slot_wait USING btree (service_id);

CREATE TABLE vm (
    service_id TEXT COLLATE "C" NOT NULL,
    pipeline TEXT NOT NULL,
    state TEXT NOT NULL,
    phase TEXT NOT NULL,
    run BIGINT NOT NULL,
    version BIGINT NOT NULL,
    wake_at BIGINT,
    queued INTEGER NOT NULL DEFAULT 0,
    log_row INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    answer TEXT NOT NULL,
    answered_at BIGINT NOT NULL,
    told_at BIGINT NOT NULL,
    last_error_action TEXT NOT NULL,
    last_error TEXT NOT NULL,
    CONSTRAINT vm_pkey PRIMARY KEY (service_id),
    CONSTRAINT vm_queued_check CHECK ((queued >= 0)),
    CONSTRAINT vm_state_check CHECK ((state <> ''::text)),
    CONSTRAINT vm_version_check CHECK ((version > 0))
) WITH (fillfactor=70, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_cost_delay=0);

CREATE INDEX vm_wake_at ON vm USING btree (wake_at) WHERE (wake_at IS NOT NULL);

CREATE TABLE vm_detail (
    service_id TEXT COLLATE "C" NOT NULL,
    cluster TEXT NOT NULL,
    target TEXT NOT NULL,
    applied TEXT NOT NULL,
    request_id TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    client TEXT NOT NULL DEFAULT ''::text,
    product TEXT NOT NULL DEFAULT ''::text,
    node TEXT NOT NULL DEFAULT ''::text,
    vmid BIGINT NOT NULL DEFAULT 0,
    name TEXT NOT NULL DEFAULT ''::text,
    domain TEXT NOT NULL DEFAULT ''::text,
    username TEXT NOT NULL DEFAULT ''::text,
    password TEXT NOT NULL DEFAULT ''::text,
    mac TEXT NOT NULL DEFAULT ''::text,
    rev_dns TEXT NOT NULL DEFAULT ''::text,
    service_status TEXT NOT NULL DEFAULT ''::text,
    CONSTRAINT vm_detail_pkey PRIMARY KEY (service_id)
);

CREATE TABLE vm_task (
    upid TEXT COLLATE "C" NOT NULL,
    cluster TEXT NOT NULL,
    service_id TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    step TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    ended_at BIGINT,
    exit_status TEXT NOT NULL DEFAULT ''::text,
    CONSTRAINT vm_task_pkey PRIMARY KEY (upid)
);

CREATE INDEX vm_task_service ON vm_task USING btree (service_id, run);

CREATE TABLE vmid (
    cluster TEXT COLLATE "C" NOT NULL,
    vmid BIGINT NOT NULL,
    service_id TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    rest BIGINT NOT NULL,
    rests_until BIGINT,
    CONSTRAINT vmid_pkey PRIMARY KEY (cluster, vmid),
    CONSTRAINT vmid_state_check CHECK ((state = ANY (ARRAY['held'::text, 'burnt'::text, 'released'::text])))
);

CREATE INDEX vmid_released ON vmid USING btree (cluster, vmid, rests_until) WHERE (state = 'released'::text);

CREATE INDEX vmid_service ON vmid USING btree (service_id);

CREATE TABLE writer (
    writer TEXT COLLATE "C" NOT NULL,
    heartbeat BIGINT NOT NULL,
    published_below BIGINT NOT NULL,
    CONSTRAINT writer_pkey PRIMARY KEY (writer)
);
