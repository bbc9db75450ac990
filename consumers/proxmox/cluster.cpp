#include "consumers/proxmox/cluster.h"

#include <fmt/format.h>

#include <algorithm>

#include "consumers/http/connection.h"
#include "consumers/runtime/check.h"
#include "consumers/runtime/log.h"

namespace slipway {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

constexpr nanoseconds sick_first = 1s;
constexpr nanoseconds sick_longest = 30s;

// A ticket is good for two hours.
constexpr nanoseconds ticket_renewed_after = 1h;
constexpr nanoseconds ticket_dead_after = 115min;

constexpr int status_relay_refused = 595;

ProxmoxError no_answer(Fault fault, const PreparedCall& prepared, std::string text) {
    return ProxmoxError({.fault = fault, .request = prepared.shown, .text = std::move(text)});
}

std::int64_t ms_since(const Clock& clock, nanoseconds began) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock.since_boot() - began)
        .count();
}

void replace_all(std::string& text, std::string_view what) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 3))
        text.replace(at, what.size(), "***");
}

std::string without(std::string text, const std::vector<std::string>& secrets) {
    for (const std::string& secret : secrets)
        if (!secret.empty()) replace_all(text, secret);
    return text;
}

// Proxmox quotes what it finds wrong; a password among it is nobody's business.
PveAnswer read_without_secrets(const HttpAnswer& answer, const PreparedCall& prepared) {
    try {
        return read_answer(answer, prepared.shown);
    } catch (const ProxmoxError& error) {
        if (prepared.secrets.empty()) throw;
        ProxmoxError::Parts parts{.fault = error.fault,
                                  .request = prepared.shown,
                                  .status = error.status,
                                  .text = without(error.text, prepared.secrets)};
        for (const FieldError& field : error.fields)
            parts.fields.push_back(
                {.field = field.field, .text = without(field.text, prepared.secrets)});
        throw ProxmoxError(parts);
    }
}

[[noreturn]] void wrong(const ClusterSettings& settings, std::string_view what) {
    throw Error(fmt::format("cluster {}: {}", settings.name, what));
}

bool is_user(std::string_view text) {
    const std::size_t at = text.find('@');
    return at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
           text.find_first_of(" :/!\r\n") == std::string_view::npos;
}

}  // namespace

void check_settings(const ClusterSettings& settings) {
    if (settings.endpoints.empty())
        wrong(settings, "no endpoint is given; it needs one like https://pve1.example:8006");
    for (const std::string& endpoint : settings.endpoints) {
        if (parse_url(endpoint).path != "/")
            wrong(settings, "an endpoint ends with its port; the path is ours to know");
        if (!endpoint.starts_with("https://"))
            wrong(settings,
                  "an endpoint begins with https://; credentials go nowhere in the clear");
    }
    if (settings.token.empty() && settings.user.empty())
        wrong(settings, "there is neither a token nor a user with a password");
    const std::size_t mark = settings.token.find('!');
    const std::size_t equals = settings.token.rfind('=');
    if (!settings.token.empty() &&
        (mark == std::string::npos || equals == std::string::npos || equals < mark ||
         equals + 1 == settings.token.size() || !is_user(settings.token.substr(0, mark)) ||
         settings.token.find_first_of(" \r\n") != std::string::npos))
        wrong(settings, "the token is not user@realm!name=secret");
    if (!settings.user.empty() && !is_user(settings.user))
        wrong(settings, "the user is not user@realm");
    if (!settings.user.empty() && settings.password.empty())
        wrong(settings, "the user has no password");
    if (settings.trust.sha256.empty()) return;
    try {
        plain_fingerprints(settings.trust.sha256);
    } catch (const Error& error) {
        wrong(settings, error.what());
    }
}

ProxmoxCluster::ProxmoxCluster(Http& http, const Clock& clock, ClusterSettings settings)
    : http_(http), clock_(clock), settings_(std::move(settings)) {
    check_settings(settings_);
    for (std::string url : settings_.endpoints) {
        while (url.ends_with('/')) url.pop_back();
        endpoints_.push_back({.url = std::move(url)});
    }
    if (settings_.trust.anybody)
        log(Level::Warning,
            "certificates are NOT verified: anybody on the way can read the credentials",
            {{"cluster", settings_.name}});
}

PveAnswer ProxmoxCluster::send(const PveCall& call,
                               const std::vector<Argument>& arguments,
                               std::optional<Deadline> deadline) {
    const PreparedCall prepared = prepare(call, arguments);
    Outgoing outgoing{.prepared = prepared, .headers = credentials(prepared), .deadline = deadline};
    HttpAnswer answer = send_to_one_of(outgoing);
    // A 401 was not executed. A ticket may have been withdrawn, or its key have changed.
    if (answer.status == 401 && by_ticket(call)) {
        forget_ticket(outgoing.headers);
        outgoing.headers = credentials(prepared);
        answer = send_to_one_of(outgoing);
    }
    return read_without_secrets(answer, prepared);
}

HttpAnswer ProxmoxCluster::send_to_one_of(const Outgoing& outgoing) {
    const PreparedCall& prepared = outgoing.prepared;
    const nanoseconds began = clock_.since_boot();
    std::vector<bool> tried(endpoints_.size());
    std::optional<HttpAnswer> relay_refused;
    ProxmoxError why = no_answer(Fault::NotExecuted,
                                 prepared,
                                 "no endpoint of cluster " + settings_.name +
                                     " has answered lately; it is tried again within 30 s");
    while (const auto endpoint = pick(tried)) {
        tried[*endpoint] = true;
        if (prepared.changes_something() && outgoing.deadline &&
            clock_.since_boot() >= outgoing.deadline->since_boot)
            throw no_answer(Fault::NotExecuted,
                            prepared,
                            "the step's deadline passed before it could act; it looks again");
        HttpRequest request = request_to(*endpoint, outgoing);
        request.timeout -= std::chrono::milliseconds(ms_since(clock_, began));
        if (request.timeout <= 0ms) break;
        try {
            HttpAnswer answer = http_.send(request);
            answered(*endpoint);
            log(Level::Debug,
                "proxmox",
                {{"cluster", settings_.name},
                 {"call", prepared.shown},
                 {"status", answer.status},
                 {"ms", ms_since(clock_, began)}});
            // This node could not reach the one that is asked for; another one may.
            if (answer.status != status_relay_refused) return answer;
            relay_refused = std::move(answer);
        } catch (const HttpError& error) {
            failed(*endpoint);
            log(Level::Warning,
                "proxmox gave no answer",
                {{"cluster", settings_.name},
                 {"call", prepared.shown},
                 {"error", error.what()},
                 {"ms", ms_since(clock_, began)}});
            why = no_answer(error.sent == Sent::No ? Fault::NotExecuted : Fault::Unknown,
                            prepared,
                            error.what());
            if (error.sent == Sent::Unknown && prepared.changes_something()) throw why;
        }
    }
    if (relay_refused) return *relay_refused;
    throw why;
}

HttpRequest ProxmoxCluster::request_to(std::size_t endpoint, const Outgoing& outgoing) const {
    const PreparedCall& prepared = outgoing.prepared;
    HttpRequest request{.method = std::string(prepared.call->method),
                        .url = endpoints_[endpoint].url + prepared.target,
                        .headers = outgoing.headers,
                        .body = prepared.form,
                        .trust = settings_.trust,
                        .timeout = settings_.timeout};
    request.headers.push_back({.name = "Accept", .value = "application/json"});
    if (request.method == "POST" || request.method == "PUT")
        request.headers.push_back(
            {.name = "Content-Type", .value = "application/x-www-form-urlencoded"});
    if (prepared.changes_something() && outgoing.deadline)
        request.send_before = outgoing.deadline->since_boot;
    return request;
}

// The first that is well; else one whose pause is over, for this caller alone.
std::optional<std::size_t> ProxmoxCluster::pick(const std::vector<bool>& tried) {
    const std::lock_guard lock(endpoints_mutex_);
    for (std::size_t i = 0; i < endpoints_.size(); ++i)
        if (!tried[i] && endpoints_[i].failures == 0) return i;
    const nanoseconds now = clock_.since_boot();
    for (std::size_t i = 0; i < endpoints_.size(); ++i) {
        if (tried[i] || endpoints_[i].again_at > now) continue;
        endpoints_[i].again_at = now + sick_longest;
        return i;
    }
    return std::nullopt;
}

void ProxmoxCluster::failed(std::size_t endpoint) {
    const std::lock_guard lock(endpoints_mutex_);
    Endpoint& one = endpoints_[endpoint];
    const nanoseconds pause = sick_first * (1LL << std::min(one.failures, 5));
    ++one.failures;
    one.again_at = clock_.since_boot() + std::min(pause, sick_longest);
}

void ProxmoxCluster::answered(std::size_t endpoint) {
    const std::lock_guard lock(endpoints_mutex_);
    endpoints_[endpoint].failures = 0;
}

bool ProxmoxCluster::by_ticket(const PveCall& call) const {
    return call.ticket_only || settings_.token.empty();
}

std::vector<HttpHeader> ProxmoxCluster::credentials(const PreparedCall& prepared) {
    if (!by_ticket(*prepared.call))
        return {{.name = "Authorization", .value = "PVEAPIToken=" + settings_.token}};
    if (settings_.user.empty())
        throw no_answer(Fault::Forbidden,
                        prepared,
                        "no token may do this; cluster " + settings_.name +
                            " needs a user with a password as well");
    const Ticket now = ticket();
    std::vector<HttpHeader> headers = {
        {.name = "Cookie", .value = "PVEAuthCookie=" + percent_encoded(now.cookie)}};
    if (prepared.changes_something())
        headers.push_back({.name = "CSRFPreventionToken", .value = now.csrf});
    return headers;
}

ProxmoxCluster::Ticket ProxmoxCluster::ticket() {
    const std::lock_guard lock(ticket_mutex_);
    const nanoseconds age = ticket_ ? clock_.since_boot() - ticket_->got_at : nanoseconds(0);
    if (ticket_ && age < ticket_renewed_after) return *ticket_;
    if (ticket_ && age < ticket_dead_after) {
        // A living ticket stands for the password; if it does not any more, the password will tell.
        try {
            ticket_ = log_in(ticket_->cookie);
            return *ticket_;
        } catch (const ProxmoxError& error) {
            if (error.fault != Fault::Forbidden) return *ticket_;
        }
    }
    ticket_ = log_in(settings_.password);
    return *ticket_;
}

ProxmoxCluster::Ticket ProxmoxCluster::log_in(const std::string& password) {
    const PreparedCall prepared =
        prepare(call_named("log_in"), {{"username", settings_.user}, {"password", password}});
    const HttpAnswer answer =
        send_to_one_of({.prepared = prepared, .headers = {}, .deadline = std::nullopt});
    const JsonValue data = read_without_secrets(answer, prepared).data;
    const auto cookie = text_at(data, "ticket");
    const auto csrf = text_at(data, "CSRFPreventionToken");
    if (flag_at(data, "NeedTFA").value_or(false))
        throw no_answer(Fault::Forbidden,
                        prepared,
                        settings_.user + " has a second factor; use a token, or a user without");
    if (!cookie || !csrf) throw no_answer(Fault::Forbidden, prepared, "the answer holds no ticket");
    return {.cookie = *cookie, .csrf = *csrf, .got_at = clock_.since_boot()};
}

// Unless somebody else has a new one already.
void ProxmoxCluster::forget_ticket(const std::vector<HttpHeader>& headers) {
    const std::lock_guard lock(ticket_mutex_);
    const std::string* sent = find_header(headers, "cookie");
    if (ticket_ && sent != nullptr && *sent == "PVEAuthCookie=" + percent_encoded(ticket_->cookie))
        ticket_.reset();
}

}  // namespace slipway
