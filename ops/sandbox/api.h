#pragma once
// The table of what the sandbox accepts: endpoints, their parameters, who may call them.
//
// Read from api.json, which is compiled in; make_api_table makes it from Proxmox's own schema.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ops/sandbox/pattern.h"
#include "ops/sandbox/request.h"

namespace slipway::sandbox {

// One parameter, or one part of a property string such as `virtio,bridge=vmbr0`.
struct Schema {
    std::string type;
    std::string format;
    std::string pattern_text;
    std::optional<Pattern> pattern;
    std::vector<std::string> values;  // the only ones allowed, if any are named
    std::optional<double> minimum;
    std::optional<double> maximum;
    std::optional<std::size_t> shortest;
    std::optional<std::size_t> longest;
    std::string needs;        // another one that must be there too
    std::string alias;        // of which this is another name
    std::string key_alias;    // and which is given the name that was used
    bool is_default = false;  // stands without a name
    bool optional = false;
    std::map<std::string, Schema> parts;  // of a property string
};

struct Endpoint {
    std::string name;  // "GET /nodes/{node}/qemu"
    std::vector<std::string> segments;
    std::map<std::string, const Schema*> params;  // net[n] stands for net0, net1, …
    std::set<std::string> optional;
    Json permission;
    bool is_protected = false;  // done by the daemon behind the proxy
    bool runs_on_node = false;  // of the path; the others are answered where they arrive
    bool ticket_only = false;
};

struct Found {
    const Endpoint* endpoint;
    std::map<std::string, std::string> params;  // from the path
};

class Api {
  public:
    Api();

    std::optional<Found> find(std::string_view method, std::string_view path) const;
    // The schema of a parameter, numbered ones included; null if the endpoint has none.
    static const Schema* find_param(const Endpoint& endpoint, const std::string& name);

    const std::vector<Endpoint>& endpoints() const { return endpoints_; }
    const Endpoint& endpoint(std::string_view name) const;

  private:
    std::map<std::string, Schema> schemas_;
    std::vector<Endpoint> endpoints_;
};

// The name without its number if the number is one that Proxmox knows: net31 is net[n], net32 is
// nothing.
std::optional<std::string> numbered_name(const std::string& name);

Schema schema_from(const Json& described);

// The table that is compiled in.
const Api& the_api();

std::string_view api_text();

}  // namespace slipway::sandbox
