// slipway pve vm and ct: the same thing done to many machines, watched, verified, summed up.

#include "ops/slipway/pve_machines.h"

namespace slipway {
namespace {

using Does = int (*)(const Config&, const MachineOptions&);

struct SubCommand {
    CLI::App* command;
    std::shared_ptr<MachineOptions> options;
};

SubCommand add(
    CLI::App* parent, Context& context, std::string_view name, std::string_view help, Does does) {
    CLI::App* command = parent->add_subcommand(std::string(name), std::string(help));
    const auto options = std::make_shared<MachineOptions>();
    add_run_options(command, options->run);
    command->add_option("--at-once", options->run.at_once, "Work on this many at the same time.")
        ->check(CLI::Range(1, 1'000));
    command->callback([&context, options, does] {
        context.action = [&context, options, does] {
            return does(load_config(context).config, *options);
        };
    });
    return {command, options};
}

void add_places(const SubCommand& sub, int most) {
    sub.command->add_option("place", sub.options->places, "Machines, such as pve1:100.")
        ->type_name("NODE:VMID")
        ->required()
        ->expected(1, most);
}

constexpr int any_number = CLI::detail::expected_max_vector_size;

void add_power(CLI::App* vm, Context& context) {
    const SubCommand start = add(vm, context, "start", "Start machines.", start_machines);
    start.command->footer("Example:\n  slipway pve vm start pve1:100 pve2:101");
    add_places(start, any_number);

    const SubCommand stop =
        add(vm, context, "stop", "Stop machines as if the plug were pulled.", stop_machines);
    stop.command->footer("Example:\n  slipway pve vm stop pve1:100");
    add_places(stop, any_number);

    const SubCommand shutdown =
        add(vm, context, "shutdown", "Ask the guests to power down.", shut_machines_down);
    shutdown.command->footer("Example:\n  slipway pve vm shutdown pve1:100 --force");
    add_places(shutdown, any_number);
    shutdown.command->add_flag(
        "--force", shutdown.options->force, "Pull the plug of those that did not listen.");
    shutdown.command
        ->add_option(
            "--guest-timeout", shutdown.options->guest_timeout, "How long the guest may take; 3m.")
        ->type_name("TIME");
}

void add_snapshot_and_backup(CLI::App* vm, Context& context) {
    const SubCommand snapshot = add(
        vm, context, "snapshot", "Take snapshots, and see that they are there.", snapshot_machines);
    snapshot.command->footer(
        "Example:\n  slipway pve vm snapshot pve1:100 pve1:101 --name before-update");
    add_places(snapshot, any_number);
    snapshot.command
        ->add_option("--name", snapshot.options->name, "Its name; slipway-DATE-TIME if not given.")
        ->type_name("NAME");
    snapshot.command->add_option("--description", snapshot.options->description, "A few words.");

    const SubCommand backup =
        add(vm, context, "backup", "Back machines up with vzdump.", back_machines_up);
    backup.command->footer("Example:\n  slipway pve vm backup pve1:100 --storage nas");
    add_places(backup, any_number);
    BackUpVm& what = backup.options->backup;
    backup.command->add_option("--storage", what.storage, "Where to.")
        ->type_name("STORAGE")
        ->required();
    backup.command->add_option("--mode", what.mode, "snapshot, suspend or stop; snapshot.")
        ->check(CLI::IsMember({"snapshot", "suspend", "stop"}));
    backup.command->add_option("--compress", what.compress, "zstd, gzip, lzo or 0; zstd.")
        ->check(CLI::IsMember({"zstd", "gzip", "lzo", "0"}));
    backup.command->add_option(
        "--notes", what.notes, "A note; {{guestname}} and such are filled in.");
    backup.command->add_flag(
        "--prune", what.prune, "Let the storage's own rules remove older backups of it.");
}

void add_clone(CLI::App* vm, Context& context) {
    const SubCommand clone =
        add(vm, context, "clone", "Clone one machine or template, once or often.", clone_machine);
    clone.command->footer(
        "Example:\n  slipway pve vm clone pve1:9000 --to 201 202 203 --name web --linked");
    add_places(clone, 1);
    MachineOptions& options = *clone.options;
    clone.command->add_option("--to", options.to, "The new numbers.")
        ->type_name("VMID")
        ->required()
        ->expected(1, any_number);
    clone.command->add_option("--name", options.name, "Name; with its number if there are several.")
        ->type_name("NAME");
    CLI::Option* full = clone.command->add_flag("--full", options.full, "Copy the disks.");
    clone.command->add_flag("--linked", options.linked, "Share the template's disks.")
        ->excludes(full);
    clone.command->add_option("--storage", options.storage, "Where the disks go; full clones only.")
        ->type_name("STORAGE");
    clone.command->add_option("--target", options.target, "Node of the new machine, if another.")
        ->type_name("NODE");
    clone.command->add_option("--pool", options.pool, "Pool of the new machine.")
        ->type_name("POOL");
}

void add_container(CLI::App* ct, Context& context) {
    const SubCommand create =
        add(ct, context, "create", "Make LXC containers from a template.", create_containers);
    create.command->footer(
        "Example:\n"
        "  slipway pve ct create pve1:300 --storage local-lvm --name web \\\n"
        "      --template local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst \\\n"
        "      --net name=eth0,bridge=vmbr0,ip=dhcp --start");
    add_places(create, any_number);
    CreateContainer& what = create.options->container;
    create.command->add_option("--template", what.os_template, "The template's volume.")
        ->type_name("VOLUME")
        ->required();
    create.command->add_option("--storage", what.storage, "Where its disk goes.")
        ->type_name("STORAGE")
        ->required();
    create.command->add_option("--disk", what.disk_gib, "Size of its disk in GiB; 8.")
        ->check(CLI::Range(1, 100'000));
    create.command->add_option("--name", create.options->name, "Host name.")->type_name("NAME");
    create.command->add_option("--cores", what.cores, "Cores; 1.")->check(CLI::Range(1, 8'192));
    create.command->add_option("--memory", what.memory_mib, "Memory in MiB; 512.")
        ->check(CLI::Range(16, 100'000'000));
    create.command->add_option("--net", what.network, "Interface, as Proxmox writes it.")
        ->type_name("name=eth0,bridge=…");
    create.command
        ->add_option("--password-file", create.options->password_file, "File with root's password.")
        ->type_name("FILE");
    create.command
        ->add_option("--ssh-keys-file", create.options->ssh_keys_file, "File with root's keys.")
        ->type_name("FILE");
    create.command->add_flag("--start", what.start, "Start it when it is there.");
}

}  // namespace

void add_pve_machine_commands(CLI::App* pve, Context& context) {
    CLI::App* vm = pve->add_subcommand(
        "vm", "Many machines at once: start, stop, shutdown, snapshot, backup, clone.");
    vm->require_subcommand(1);
    vm->footer("Example:\n  slipway pve vm start pve1:100 pve2:101 --at-once 2");
    add_power(vm, context);
    add_snapshot_and_backup(vm, context);
    add_clone(vm, context);

    CLI::App* ct = pve->add_subcommand("ct", "LXC containers: create.");
    ct->require_subcommand(1);
    ct->footer("Example:\n  slipway pve ct create --help");
    add_container(ct, context);
}

}  // namespace slipway
