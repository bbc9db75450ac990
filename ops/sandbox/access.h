#pragma once
// Who may do what: users, tokens, roles and the access list.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ops/sandbox/request.h"

namespace slipway::sandbox {

using Privileges = std::set<std::string>;

struct Token {
    std::string secret;
    bool separate = true;  // has only the rights given to itself, of those its user has
    std::int64_t expire = 0;
    std::string comment = {};
};

struct User {
    std::string password = {};  // empty: cannot log in
    bool enabled = true;
    std::int64_t expire = 0;
    std::map<std::string, Token> tokens = {};
    std::map<std::string, std::string> about = {};  // comment, email, firstname, lastname
};

struct Grant {
    std::string path;
    std::string whom;  // u@r or u@r!token
    std::string role;
    bool propagate = true;
};

// Who asks. A token is not its user: what only root@pam may do, root@pam!token may not.
struct Caller {
    std::string name;  // u@r or u@r!token
    bool by_ticket = false;
    std::string user() const { return name.substr(0, name.find('!')); }
    bool is_root() const { return name == "root@pam"; }
};

class Access {
  public:
    Access();

    Privileges of(const std::string& name, const std::string& path) const;
    bool has(const std::string& name, const std::string& path, const std::string& privilege) const;
    const Privileges& privileges_of(const std::string& role) const;  // empty for an unknown one
    const std::set<std::string>& all_privileges() const { return all_; }

    std::map<std::string, User> users;
    std::map<std::string, Privileges> roles;
    std::set<std::string> built_in;
    std::vector<Grant> grants;

  private:
    Privileges granted(const std::string& name, const std::string& path) const;

    std::set<std::string> all_;
};

}  // namespace slipway::sandbox
