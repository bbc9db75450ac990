-- What operators declare, what VMs hold of it, and what was made for them outside.

-- What a VM is, from the moment it has a number.
ALTER TABLE vm_detail ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE vm_detail ADD COLUMN product TEXT NOT NULL DEFAULT '';
ALTER TABLE vm_detail ADD COLUMN node TEXT NOT NULL DEFAULT '';
ALTER TABLE vm_detail ADD COLUMN vmid BIGINT NOT NULL DEFAULT 0;
ALTER TABLE vm_detail ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE vm_detail ADD COLUMN domain TEXT NOT NULL DEFAULT '';
ALTER TABLE vm_detail ADD COLUMN username TEXT NOT NULL DEFAULT '';
ALTER TABLE vm_detail ADD COLUMN password TEXT NOT NULL DEFAULT '';
ALTER TABLE vm_detail ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE vm_detail ADD COLUMN rev_dns TEXT NOT NULL DEFAULT '';
ALTER TABLE vm_detail ADD COLUMN service_status TEXT NOT NULL DEFAULT '';

-- kind: cluster, template, package, pool, dns_provider, zone, letter. body: JSON. secret: sealed.
CREATE TABLE inventory (
    kind TEXT COLLATE "C" NOT NULL, -- only: postgresql
    kind TEXT NOT NULL, -- only: sqlite
    name TEXT COLLATE "C" NOT NULL, -- only: postgresql
    name TEXT NOT NULL, -- only: sqlite
    body TEXT NOT NULL,
    secret TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (kind, name)
)
    WITHOUT ROWID -- only: sqlite
;

-- One row. Every change of the inventory raises it, and whoever claims something holds it still.
CREATE TABLE inventory_revision (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    revision BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
INSERT INTO inventory_revision (one, revision, changed_at) VALUES (1, 0, 0);

-- A row per pool that anything was ever taken from; who takes addresses locks it. Every address of
-- its ranges below first_free has a row in ip_address; so it has been since these were its ranges.
CREATE TABLE ip_pool (
    name TEXT COLLATE "C" PRIMARY KEY, -- only: postgresql
    name TEXT NOT NULL PRIMARY KEY, -- only: sqlite
    first_free TEXT NOT NULL DEFAULT '',
    ranges TEXT NOT NULL DEFAULT ''
)
    WITHOUT ROWID -- only: sqlite
;

-- A row per taken address. key: 32 hexadecimal digits that sort as addresses do. A released one has
-- rests_until and is free again from then on; until it is given out again its row stays. quarantine:
-- how long it will rest, in microseconds.
CREATE TABLE ip_address (
    key TEXT COLLATE "C" PRIMARY KEY, -- only: postgresql
    key TEXT NOT NULL PRIMARY KEY, -- only: sqlite
    address TEXT NOT NULL,
    pool TEXT COLLATE "C" NOT NULL, -- only: postgresql
    pool TEXT NOT NULL, -- only: sqlite
    service_id TEXT COLLATE "C" NOT NULL, -- only: postgresql
    service_id TEXT NOT NULL, -- only: sqlite
    run BIGINT NOT NULL,
    place INTEGER NOT NULL, -- among the VM's own, in the order in which they were given
    taken_at BIGINT NOT NULL,
    quarantine BIGINT NOT NULL,
    rests_until BIGINT
)
    WITHOUT ROWID -- only: sqlite
;

CREATE INDEX ip_address_pool ON ip_address (pool, key);
CREATE INDEX ip_address_service ON ip_address (service_id);
CREATE INDEX ip_address_resting ON ip_address (key, rests_until) WHERE rests_until IS NOT NULL;

-- A row per number ever given out. held by its VM; burnt: somebody else has made a VM of it;
-- released: its VM is gone, and it rests, as long as rest says in microseconds.
CREATE TABLE vmid (
    cluster TEXT COLLATE "C" NOT NULL, -- only: postgresql
    cluster TEXT NOT NULL, -- only: sqlite
    vmid BIGINT NOT NULL,
    service_id TEXT COLLATE "C" NOT NULL, -- only: postgresql
    service_id TEXT NOT NULL, -- only: sqlite
    run BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'burnt', 'released')),
    at BIGINT NOT NULL,
    rest BIGINT NOT NULL,
    rests_until BIGINT,
    PRIMARY KEY (cluster, vmid)
)
    WITHOUT ROWID -- only: sqlite
;

CREATE INDEX vmid_service ON vmid (service_id);
CREATE INDEX vmid_released ON vmid (cluster, vmid, rests_until) WHERE state = 'released';

-- What we made at DNS providers.
CREATE TABLE dns_record (
    service_id TEXT COLLATE "C" NOT NULL, -- only: postgresql
    service_id TEXT NOT NULL, -- only: sqlite
    provider TEXT NOT NULL,
    zone TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    ttl INTEGER NOT NULL,
    PRIMARY KEY (service_id, provider, zone, name, type, value)
)
    WITHOUT ROWID -- only: sqlite
;

-- At most one letter per service, run and kind, ever. due_at: when it is to be tried next; NULL
-- once it was sent, or will never be.
CREATE TABLE letter (
    service_id TEXT COLLATE "C" NOT NULL, -- only: postgresql
    service_id TEXT NOT NULL, -- only: sqlite
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
    WITHOUT ROWID -- only: sqlite
;

CREATE INDEX letter_unpublished ON letter (at) WHERE published_at IS NULL;
CREATE INDEX letter_due ON letter (due_at) WHERE due_at IS NOT NULL;
