#include "ops/sandbox/access.h"

#include <algorithm>
#include <sstream>

namespace slipway::sandbox {
namespace {

Privileges words(const char* text) {
    std::stringstream in(text);
    Privileges found;
    for (std::string word; in >> word;) found.insert(word);
    return found;
}

Privileges operator+(Privileges left, const Privileges& right) {
    left.insert(right.begin(), right.end());
    return left;
}

bool covers(const Grant& grant, const std::string& path) {
    if (grant.path == path) return true;
    if (!grant.propagate) return false;
    return grant.path == "/" || path.starts_with(grant.path + "/");
}

}  // namespace

Access::Access() {
    const Privileges vm_user = words(
        "VM.Audit VM.Backup VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.PowerMgmt "
        "VM.GuestAgent.Audit");
    const Privileges vm_admin =
        vm_user +
        words(
            "VM.Allocate VM.Clone VM.Config.CPU VM.Config.Disk VM.Config.HWType "
            "VM.Config.Memory VM.Config.Network VM.Config.Options VM.Migrate VM.Snapshot "
            "VM.Snapshot.Rollback VM.Replicate VM.GuestAgent.FileRead VM.GuestAgent.FileWrite "
            "VM.GuestAgent.FileSystemMgmt VM.GuestAgent.Unrestricted");
    const Privileges datastore_user = words("Datastore.AllocateSpace Datastore.Audit");
    const Privileges datastore_admin =
        datastore_user + words("Datastore.Allocate Datastore.AllocateTemplate");
    const Privileges audits = words(
        "Sys.Audit VM.Audit VM.GuestAgent.Audit Datastore.Audit Pool.Audit SDN.Audit "
        "Mapping.Audit");
    const Privileges sdn_user = words("SDN.Audit SDN.Use");
    const Privileges sdn_admin = sdn_user + words("SDN.Allocate");
    const Privileges user_admin = words("Group.Allocate Realm.AllocateUser User.Modify");
    const Privileges pool_admin = words("Pool.Allocate Pool.Audit");
    const Privileges admin = vm_admin + datastore_admin + audits + sdn_admin + user_admin +
                             pool_admin +
                             words(
                                 "Sys.Console Sys.Syslog Sys.Modify Sys.PowerMgmt "
                                 "Sys.AccessNetwork Permissions.Modify "
                                 "Realm.Allocate Mapping.Modify Mapping.Use");
    all_ = admin + words("Sys.Incoming");
    roles = {{"Administrator", all_},
             {"PVEAdmin", admin},
             {"PVEAuditor", audits},
             {"PVEDatastoreAdmin", datastore_admin},
             {"PVEDatastoreUser", datastore_user},
             {"PVEPoolAdmin", pool_admin},
             {"PVEPoolUser", words("Pool.Audit")},
             {"PVESDNAdmin", sdn_admin},
             {"PVESDNUser", sdn_user},
             {"PVESysAdmin", words("Sys.Audit Sys.Console Sys.Syslog Sys.PowerMgmt")},
             {"PVETemplateUser", words("VM.Audit VM.Clone")},
             {"PVEUserAdmin", user_admin},
             {"PVEVMAdmin", vm_admin},
             {"PVEVMUser", vm_user},
             {"NoAccess", {}}};
    for (const auto& [name, privileges] : roles) built_in.insert(name);
    users["root@pam"] = {};
}

const Privileges& Access::privileges_of(const std::string& role) const {
    static const Privileges none;
    const auto found = roles.find(role);
    return found == roles.end() ? none : found->second;
}

// What is said nearest to the path counts; what is said further up does not add to it.
Privileges Access::granted(const std::string& name, const std::string& path) const {
    Privileges found;
    std::size_t nearest = 0;
    for (const Grant& grant : grants) {
        if (grant.whom != name || !covers(grant, path) || grant.path.size() < nearest) continue;
        if (grant.path.size() > nearest) found.clear();
        nearest = grant.path.size();
        const Privileges& more = privileges_of(grant.role);
        found.insert(more.begin(), more.end());
    }
    return found;
}

Privileges Access::of(const std::string& name, const std::string& path) const {
    const std::string user = name.substr(0, name.find('!'));
    Privileges of_user = user == "root@pam" ? all_ : granted(user, path);
    if (user == name) return of_user;
    const auto known = users.find(user);
    if (known == users.end()) return {};
    const auto token = known->second.tokens.find(name.substr(user.size() + 1));
    if (token == known->second.tokens.end()) return {};
    if (!token->second.separate) return of_user;
    Privileges both;
    std::ranges::set_intersection(of_user, granted(name, path), std::inserter(both, both.end()));
    return both;
}

// Asked for every guest of a list: root@pam, and a token of his that is not kept apart, are let
// through without a look at the tree.
bool Access::has(const std::string& name,
                 const std::string& path,
                 const std::string& privilege) const {
    const std::size_t mark = name.find('!');
    if (name.compare(0, mark, "root@pam") == 0) {
        if (mark == std::string::npos) return all_.contains(privilege);
        const auto& tokens = users.at("root@pam").tokens;
        const auto token = tokens.find(name.substr(mark + 1));
        if (token != tokens.end() && !token->second.separate) return all_.contains(privilege);
    }
    return of(name, path).contains(privilege);
}

}  // namespace slipway::sandbox
