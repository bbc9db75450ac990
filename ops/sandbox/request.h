#pragma once
// What goes into the sandbox and what comes out: HTTP as plain structs, without a socket.
//
// The sandbox has a namespace of its own below ours: it is the other side of the wire, where Task,
// Node and Storage mean what Proxmox keeps, while a client's words for the same things are what it
// was told.

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace slipway::sandbox {

using Json = nlohmann::json;
using Duration = std::chrono::nanoseconds;
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method;
    std::string target;  // path and query, as they stand in the request line
    HttpHeaders headers = {};
    std::string body = {};
    std::string version = "HTTP/1.1";
    std::string at = {};  // the node whose proxy is asked; the first one if empty
};

// What becomes of the connection that the answer belongs to.
enum class Connection { Keep, Close, Reset };

struct Answer {
    int status = 200;
    std::string reason = "OK";
    std::string content_type = {};  // none for answers without a JSON body, as Proxmox does it
    std::string body = {};
    HttpHeaders headers = {};
    Connection connection = Connection::Keep;
    Duration after = {};  // how long the server takes for it
};

// The value of a header, whatever the case of its name; empty if there is none.
std::string header(const HttpHeaders& headers, std::string_view name);

// "No", in Proxmox's words. Outside of a task it is an answer, inside it ends the task.
struct Refused : std::runtime_error {
    Refused(int code, const std::string& text, Json field_errors = nullptr)
        : std::runtime_error(text), status(code), errors(std::move(field_errors)) {}

    int status;
    Json errors;  // by field; null if it is not about a parameter
};

[[noreturn]] void die(const std::string& text);                                       // 500
[[noreturn]] void wrong_parameter(const std::string& field, const std::string& why);  // 400
[[noreturn]] void forbidden(const std::string& what);  // 403 Permission check failed (what)

// A lock file is held by somebody else. The caller is made to wait, and hears this in the end.
struct LockHeld : std::runtime_error {
    LockHeld(const std::string& text, Duration most) : std::runtime_error(text), patience(most) {}
    Duration patience;
};

}  // namespace slipway::sandbox
