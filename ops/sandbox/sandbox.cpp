#include "ops/sandbox/sandbox.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "consumers/runtime/check.h"
#include "ops/sandbox/permission.h"
#include "ops/sandbox/request_params.h"
#include "ops/sandbox/tickets.h"

namespace slipway::sandbox {
namespace {

constexpr std::chrono::seconds wait_of_strangers{3};  // before every 401

constexpr const char* json_type = "application/json;charset=UTF-8";

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

Handlers all_handlers() {
    Handlers handlers;
    add_access_calls(handlers);
    add_backup_calls(handlers);
    add_cloudinit_calls(handlers);
    add_cluster_calls(handlers);
    add_config_calls(handlers);
    add_container_calls(handlers);
    add_clone_calls(handlers);
    add_disk_calls(handlers);
    add_firewall_calls(handlers);
    add_guest_calls(handlers);
    add_ipset_calls(handlers);
    add_migrate_calls(handlers);
    add_node_calls(handlers);
    add_pool_calls(handlers);
    add_power_calls(handlers);
    add_snapshot_calls(handlers);
    add_storage_calls(handlers);
    add_task_calls(handlers);
    return handlers;
}

std::string usual_sentence(Fault fault) {
    switch (fault) {
        case Fault::ErrorAfter:
            return "can't lock file '/var/log/pve/tasks/.active.lock' - got timeout";
        case Fault::NotConnected:
            return "Connection refused";
        case Fault::BrokenRelay:
            return "Connection timed out";
        case Fault::LostAnswer:
            return "Broken pipe";
        case Fault::Redirected:
            return "Too many redirections";
        case Fault::Slow:
        case Fault::ErrorBefore:
        case Fault::ResetBefore:
        case Fault::ResetAfter:
        case Fault::TaskFails:
        case Fault::TaskLies:
        case Fault::TaskFailsLate:
            break;
    }
    return "got timeout";
}

int status_of(Fault fault) {
    switch (fault) {
        case Fault::NotConnected:
            return 595;
        case Fault::BrokenRelay:
            return 596;
        case Fault::LostAnswer:
            return 597;
        case Fault::Redirected:
            return 599;
        case Fault::Slow:
        case Fault::ErrorBefore:
        case Fault::ErrorAfter:
        case Fault::ResetBefore:
        case Fault::ResetAfter:
        case Fault::TaskFails:
        case Fault::TaskLies:
        case Fault::TaskFailsLate:
            break;
    }
    return 500;
}

bool happens_before(Fault fault) {
    return fault == Fault::ErrorBefore || fault == Fault::NotConnected ||
           fault == Fault::ResetBefore;
}

Cluster::TaskFault task_fault(Fault fault) {
    if (fault == Fault::TaskFails) return Cluster::TaskFault::Fails;
    if (fault == Fault::TaskLies) return Cluster::TaskFault::Lies;
    if (fault == Fault::TaskFailsLate) return Cluster::TaskFault::FailsLate;
    return Cluster::TaskFault::None;
}

Answer broken(const Rule& rule) {
    Answer answer{.status = status_of(rule.fault), .connection = Connection::Close};
    answer.reason = rule.text.empty() ? usual_sentence(rule.fault) : rule.text;
    if (rule.fault == Fault::ResetBefore || rule.fault == Fault::ResetAfter)
        answer.connection = Connection::Reset;
    if (answer.status != 500) return answer;
    answer.content_type = json_type;
    answer.body = Json{{"data", nullptr}, {"message", answer.reason + "\n"}}.dump();
    return answer;
}

std::string http_date(std::int64_t epoch) {
    return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(static_cast<time_t>(epoch)));
}

// The path below /api2/FORMAT; empty for what is not of the API.
std::string path_in_api(const std::string& target) {
    const std::string path = target.substr(0, target.find('?'));
    if (!path.starts_with("/api2/")) return {};
    const std::size_t begin = path.find('/', 6);
    return begin == std::string::npos ? "" : path.substr(begin);
}

}  // namespace

Sandbox::Sandbox(const Clock& clock, std::unique_ptr<Cluster> cluster)
    : clock_(clock), cluster_(std::move(cluster)), ticket_secret_(cluster_->new_uuid()) {
    for (const auto& [name, handler] : all_handlers())
        handlers_[&the_api().endpoint(name)] = handler;
    for (const Endpoint& endpoint : the_api().endpoints())
        check(handlers_.contains(&endpoint), "somebody answers " + endpoint.name);
}

std::optional<Duration> Sandbox::next_event() const {
    return cluster_->tasks.next_wake();
}

void Sandbox::catch_up() {
    cluster_->tasks.run_until(clock_.since_boot(), [this](Moment at) { cluster_->set_wall(at); });
}

std::optional<Answer> Sandbox::answer(const Request& request, Duration waited) {
    catch_up();
    const std::string path = path_in_api(request.target);
    const auto rule = path.empty()           ? std::nullopt
                      : waited == Duration{} ? misbehaviour_.next(request.method, path)
                                             : misbehaviour_.kept(request.method, path);
    Answer answer;
    try {
        answer = rule ? misbehave(request, *rule, waited) : act(request, waited);
    } catch (const LockHeld&) {
        cluster_->next_task_shall = Cluster::TaskFault::None;
        if (rule) misbehaviour_.keep(request.method, path, *rule);
        return std::nullopt;
    }
    answer.headers.emplace_back("Cache-Control", "max-age=0");
    answer.headers.emplace_back("Date", http_date(cluster_->epoch()));
    answer.headers.emplace_back("Pragma", "no-cache");
    answer.headers.emplace_back("Server", "pve-api-daemon/3.0");
    if (answer.status >= 400 && answer.connection == Connection::Keep)
        answer.connection = Connection::Close;
    return answer;
}

Answer Sandbox::misbehave(const Request& request, const Rule& rule, Duration waited) {
    if (happens_before(rule.fault)) return broken(rule);
    cluster_->next_task_shall = task_fault(rule.fault);
    const bool task_goes_wrong = cluster_->next_task_shall != Cluster::TaskFault::None;
    Answer answer = act(request, waited);
    cluster_->next_task_shall = Cluster::TaskFault::None;
    if (rule.fault == Fault::Slow) {
        answer.after += rule.delay;
        return answer;
    }
    return task_goes_wrong || answer.status >= 400 ? answer : broken(rule);
}

Answer Sandbox::act(const Request& request, Duration waited) {
    try {
        check_request(request);
        const std::string path =
            percent_decoded(request.target.substr(0, request.target.find('?')));
        if (!path.starts_with("/api2/")) {
            const std::string text = fmt::format("no such file '{}'", path);
            throw NoApi{500, text, text + "\n"};
        }
        return call(request, path, waited);
    } catch (const NoApi& no) {
        return {.status = no.status, .reason = no.reason, .body = no.body};
    } catch (const LockHeld&) {
        throw;
    } catch (const std::exception& error) {  // of this call alone: the others go on
        return {.status = 500, .reason = first_line(error.what()), .body = error.what()};
    }
}

namespace {

// The place of a call: /api2/json/nodes/… is format json and path /nodes/….
struct Place {
    std::string format;
    std::string path;
};

Place place_of(const std::string& path) {
    const std::size_t begin = std::string_view("/api2/").size();
    const std::size_t end = std::min(path.find('/', begin), path.size());
    return {path.substr(begin, end - begin), path.substr(end)};
}

Caller check_caller(const Cluster& cluster,
                    const Request& request,
                    const Place& place,
                    const std::string& secret) {
    if (place.path == "/access/ticket") return {};
    try {
        return caller_of(cluster, request, secret);
    } catch (const Refused& stranger) {
        throw NoApi{401, stranger.what()};
    }
}

// To which node the call goes: the one it came to, or the one in its path.
void relay(Cluster& cluster, const Endpoint& endpoint, const Json& given) {
    if (!endpoint.runs_on_node || !given.contains("node")) return;
    const std::string name = text_of(given["node"]);
    const Node* node = cluster.find_node(name);
    if (!node)
        die(
            fmt::format("hostname lookup '{}' failed - failed to get address info for: {}: Name or "
                        "service not known",
                        name,
                        name));
    if (!node->online) throw NoApi{595, "No route to host"};
}

Json merged(const std::map<std::string, std::string>& from_path, Json given) {
    for (const auto& [name, value] : from_path) {
        if (given.contains(name)) {
            if (text_of(given[name]) != value)
                wrong_parameter(
                    name, "duplicate parameter (already defined in URI) with conflicting values!");
        }
        given[name] = value;
    }
    return given;
}

std::string dumped(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Answer rendered(const std::string& format, const Refused& refused) {
    std::string message = refused.what();
    if (refused.status != 501 && !message.ends_with('\n')) message += "\n";
    Json body = {{"data", nullptr}, {"message", message}};
    if (!refused.errors.is_null()) body["errors"] = refused.errors;
    Answer answer{.content_type = json_type};
    if (format == "extjs") {
        body["success"] = 0;
        body["status"] =
            refused.errors.is_null() ? Json(refused.status) : Json(std::to_string(refused.status));
    } else {
        answer.status = refused.status;
        answer.reason = first_line(refused.what());
    }
    answer.body = dumped(body);
    return answer;
}

Answer rendered(const std::string& format, const Call& call, const Json& data) {
    Answer answer{.content_type = json_type, .after = call.cluster.tasks.scaled(call.takes)};
    if (call.text) {
        answer.content_type = "text/plain";
        answer.headers.emplace_back("Content-Disposition", "attachment");
        answer.body = *call.text;
        return answer;
    }
    Json body = {{"data", data}};
    if (call.total) body["total"] = *call.total;
    if (format == "extjs") body["success"] = 1;
    answer.body = dumped(body);
    return answer;
}

}  // namespace

Answer Sandbox::call(const Request& request, const std::string& path, Duration waited) {
    const Place place = place_of(path);
    Caller who;
    try {
        who = check_caller(*cluster_, request, place, ticket_secret_);
    } catch (NoApi& stranger) {
        return {.status = stranger.status,
                .reason = stranger.reason,
                .after = cluster_->tasks.scaled(wait_of_strangers)};
    }
    try {
        const Json sent = parameters_of(request);
        const auto found = the_api().find(request.method, place.path);
        if (!found)
            throw Refused(
                501, fmt::format("Method '{} {}' not implemented", request.method, place.path));
        const Endpoint& endpoint = *found->endpoint;
        Json given = merged(found->params, sent);
        const std::string at = request.at.empty() ? cluster_->nodes.front().name : request.at;
        if (given.contains("node") && given["node"] == "localhost") given["node"] = at;
        if (endpoint.ticket_only && !who.name.empty() && !who.by_ticket)
            throw Refused(403,
                          fmt::format("Permission check failed (URI '{}' not available with API "
                                      "token, need proper ticket.\n)",
                                      place.path));
        check_permission(*cluster_, endpoint, who, given);
        relay(*cluster_, endpoint, given);
        Call made{.cluster = *cluster_,
                  .endpoint = endpoint,
                  .who = who,
                  .params = checked(endpoint, given),
                  .at = at,
                  .waited = waited,
                  .secret = ticket_secret_};
        try {
            const Json data = handlers_.at(&endpoint)(made);
            return rendered(place.format, made, data);
        } catch (const LockHeld& held) {
            if (waited < cluster_->tasks.scaled(held.patience)) throw;
            die(held.what());
        } catch (const Refused& refused) {
            Answer answer = rendered(place.format, refused);
            answer.after = cluster_->tasks.scaled(made.takes);
            return answer;
        }
    } catch (const Refused& refused) {
        return rendered(place.format, refused);
    }
}

Answer ask(Sandbox& sandbox,
           const Request& request,
           const std::function<void(Duration)>& let_pass) {
    Duration waited{};
    auto answer = sandbox.answer(request);
    while (!answer) {
        const Duration step = std::chrono::milliseconds(50);
        let_pass(step);
        waited += step;
        answer = sandbox.answer(request, waited);
    }
    if (answer->after > Duration{}) let_pass(answer->after);
    return *answer;
}

// --- what calls ask of their Call

bool Call::is_container() const {
    return endpoint.name.find("/lxc") != std::string::npos;
}

Hold Call::lock(const std::string& file, Duration most) const {
    if (auto hold = cluster.tasks.try_lock(file)) return std::move(*hold);
    throw LockHeld(fmt::format("can't lock file '{}' - got timeout", file), most);
}

Json Call::start(const std::string& type, const std::string& id, const Body& body) const {
    return cluster.start_task(node(), who, type, id, body).upid;
}

void Call::only_root(const std::string& param, const std::string& sentence) const {
    if (params.has(param) && !who.is_root()) wrong_parameter(param, sentence);
}

void Call::need(const std::string& path, const std::string& privilege) const {
    cluster.need(who, path, privilege);
}

bool Call::may(const std::string& path, const std::string& privilege) const {
    return cluster.may(who, path, privilege);
}

}  // namespace slipway::sandbox
