-- Slots, which keep Proxmox from being asked for more than it can do at a time, and the tasks that
-- we started in it.

-- A slot is number n of a resource ("clone pve1/local-lvm"), taken by a VM for the step at which it
-- stands: run, state and phase say which. A VM that stands elsewhere has lost it.
CREATE TABLE slot (
    resource TEXT COLLATE "C" NOT NULL, -- only: postgresql
    resource TEXT NOT NULL, -- only: sqlite
    n INTEGER NOT NULL CHECK (n > 0),
    service_id TEXT COLLATE "C" NOT NULL, -- only: postgresql
    service_id TEXT NOT NULL, -- only: sqlite
    run BIGINT NOT NULL,
    state TEXT NOT NULL,
    phase TEXT NOT NULL,
    taken_at BIGINT NOT NULL,
    PRIMARY KEY (resource, n)
)
    WITHOUT ROWID -- only: sqlite
;

CREATE INDEX slot_service ON slot (service_id);

-- Who would have liked one, a row for each that it asked for. The oldest is woken when one becomes
-- free, and it is kept for it; unless that VM has not asked again by asks_by.
CREATE TABLE slot_wait (
    resource TEXT COLLATE "C" NOT NULL, -- only: postgresql
    resource TEXT NOT NULL, -- only: sqlite
    service_id TEXT COLLATE "C" NOT NULL, -- only: postgresql
    service_id TEXT NOT NULL, -- only: sqlite
    run BIGINT NOT NULL,
    state TEXT NOT NULL,
    phase TEXT NOT NULL,
    since BIGINT NOT NULL,
    asks_by BIGINT NOT NULL,
    PRIMARY KEY (resource, service_id)
)
    WITHOUT ROWID -- only: sqlite
;

CREATE INDEX slot_wait_service ON slot_wait (service_id);

-- Every task that we ever started in Proxmox for a VM, whatever became of the step that did.
CREATE TABLE vm_task (
    upid TEXT COLLATE "C" PRIMARY KEY, -- only: postgresql
    upid TEXT NOT NULL PRIMARY KEY, -- only: sqlite
    cluster TEXT NOT NULL,
    service_id TEXT COLLATE "C" NOT NULL, -- only: postgresql
    service_id TEXT NOT NULL, -- only: sqlite
    run BIGINT NOT NULL,
    step TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    ended_at BIGINT,
    exit_status TEXT NOT NULL DEFAULT ''
)
    WITHOUT ROWID -- only: sqlite
;

CREATE INDEX vm_task_service ON vm_task (service_id, run);
