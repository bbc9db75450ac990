#pragma once
// What there is in the box at the beginning: read from a YAML file, or a sensible small cluster.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ops/sandbox/cluster.h"
#include "ops/sandbox/dns_box.h"
#include "ops/sandbox/misbehaviour.h"

namespace slipway::sandbox {

struct NamedDnsBox {
    std::string name;
    DnsBoxSettings settings;
};

struct Beginning {
    std::unique_ptr<Cluster> cluster;
    Misbehaviour misbehaviour;
    std::string token;     // USER@REALM!NAME=SECRET of root@pam, with all of his rights
    std::string password;  // of root@pam
    std::vector<NamedDnsBox> dns;
};

struct BeginningSettings {
    double speed = 1;
    std::uint64_t seed = 1;  // of MACs, ids and secrets: the same seed, the same answers
};

// Two nodes; a directory and a thin pool on each, one storage that both share; a template of a
// virtual machine and one of a container; the DNS providers of inventory.example.yaml.
std::string default_state();

// Throws Error naming the key that is wrong, its line, and what it should be.
Beginning read_state(const std::string& yaml,
                     const Clock& clock,
                     const BeginningSettings& settings);

}  // namespace slipway::sandbox
