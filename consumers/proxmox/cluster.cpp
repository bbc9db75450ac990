#include "consumers/proxmox/cluster.h"

#include <fmt/format.h>

#include <algorithm>

#include "consumers/http/connection.h"
#include "consumers/runtime/at_end.h"
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
constexpr nanoseconds renewed_again_after = 1min;

constexpr int status_relay_refused = 595;

ProxmoxError no_answer(Fault fault, const PreparedCall& prepared, std::string text) {
    return ProxmoxError({.fault = fault, .request = prepared.shown, .text = std::move(text)});
}

std::int64_t ms_since(const Clock& clock, nanoseconds began) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock.since_boot() - began)
        .count();
}

// Nothing ran, and the node that was asked may be why: another one may reach the node that is
// meant, or have quorum.
bool is_for_another_node(const HttpAnswer& answer) {
    if (answer.status != 500) return answer.status == status_relay_refused;
    try {
        read_answer(answer, "");
    } catch (const ProxmoxError& error) {
        return error.fault == Fault::NotExecuted;
    }
    return false;
}

// A second look does no harm, and no more does a second ticket.
bool may_be_repeated(const PreparedCall& prepared) {
    return !prepared.changes_something() || prepared.call->name == "log_in";
}

// Of a log-in, as the fate of the call that wanted it: that one was never sent. What is wrong with
// the credentials stays so; a log-in that found something locked or gone found nothing of the
// call's.
ProxmoxError not_logged_in(const ProxmoxError& error, const PreparedCall& log_in) {
    const bool lasts = error.fault == Fault::Forbidden || error.fault == Fault::Refused ||
                       error.fault == Fault::WrongParameter;
    return ProxmoxError({.fault = lasts ? error.fault : Fault::NotExecuted,
                         .request = log_in.shown,
                         .status = error.status,
                         .text = error.text,
                         .fields = error.fields});
}

[[noreturn]] void wrong(const ClusterSettings& settings, std::string_view what) {
    throw Error(fmt::format("cluster {}: {}", settings.name, what));
}

void check_endpoint(const ClusterSettings& settings, const std::string& endpoint) {
    HttpTarget target;
    try {
        target = parse_url(endpoint);
    } catch (const Error& error) {
        wrong(settings, error.what());
    }
    if (target.path != "/")
        wrong(settings, "an endpoint ends with its port; the path is ours to know");
    if (!target.tls)
        wrong(settings, "an endpoint begins with https://; credentials go nowhere in the clear");
}

void check_fingerprints(const ClusterSettings& settings) {
    if (settings.trust.sha256.empty()) return;
    try {
        plain_fingerprints(settings.trust.sha256);
    } catch (const Error& error) {
        wrong(settings, error.what());
    }
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
    for (const std::string& endpoint : settings.endpoints) check_endpoint(settings, endpoint);
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
    check_fingerprints(settings);
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

// Waits as long as others are under way: each of them ends within its own time limit.
class ProxmoxCluster::Turn {
  public:
    explicit Turn(ProxmoxCluster& cluster) : cluster_(cluster) {
        std::unique_lock lock(cluster_.turns_mutex_);
        const int most = cluster_.settings_.calls_at_once;
        cluster_.turn_ended_.wait(lock, [&] { return most <= 0 || cluster_.turns_ < most; });
        ++cluster_.turns_;
    }
    ~Turn() {
        {
            const std::lock_guard lock(cluster_.turns_mutex_);
            --cluster_.turns_;
        }
        cluster_.turn_ended_.notify_one();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

  private:
    ProxmoxCluster& cluster_;
};

PveAnswer ProxmoxCluster::send(const PveCall& call,
                               const std::vector<Argument>& arguments,
                               std::optional<Deadline> deadline) {
    const PreparedCall prepared = prepare(call, arguments);
    const Turn turn(*this);
    const nanoseconds ends_at = clock_.since_boot() + settings_.timeout;
    Outgoing outgoing{.prepared = prepared,
                      .headers = credentials(prepared, ends_at),
                      .ends_at = ends_at,
                      .deadline = deadline};
    HttpAnswer answer = send_to_one_of(outgoing);
    // A 401 was not executed. A ticket may have been withdrawn, or its key have changed.
    if (answer.status == 401 && by_ticket(call)) {
        forget_ticket(outgoing.headers);
        outgoing.headers = credentials(prepared, ends_at);
        answer = send_to_one_of(outgoing);
    }
    return read_answer(answer, prepared.shown, prepared.secrets);
}

HttpAnswer ProxmoxCluster::send_to_one_of(const Outgoing& outgoing) {
    const PreparedCall& prepared = outgoing.prepared;
    std::vector<bool> tried(endpoints_.size());
    std::optional<HttpAnswer> not_here;
    std::optional<ProxmoxError> why;
    while (has_time(outgoing)) {
        const auto endpoint = pick(tried);
        if (!endpoint) break;
        tried[*endpoint] = true;
        try {
            HttpAnswer answer = ask(*endpoint, outgoing);
            if (!is_for_another_node(answer)) return answer;
            not_here = std::move(answer);
        } catch (const HttpError& error) {
            why = no_answer(error.sent == Sent::No ? Fault::NotExecuted : Fault::Unknown,
                            prepared,
                            error.what());
            if (error.sent == Sent::Unknown && !may_be_repeated(prepared)) throw *why;
        }
    }
    if (not_here) return *std::move(not_here);
    if (why) throw *why;
    throw no_answer(Fault::NotExecuted,
                    prepared,
                    has_time(outgoing) ? "no endpoint of cluster " + settings_.name +
                                             " has answered lately; it is tried again within 30 s"
                                       : "timeout: nothing could be sent in time");
}

// Asked before an endpoint is picked: one that is picked and not asked would be left alone for
// long.
bool ProxmoxCluster::has_time(const Outgoing& outgoing) const {
    const nanoseconds now = clock_.since_boot();
    if (outgoing.prepared.changes_something() && outgoing.deadline &&
        now >= outgoing.deadline->since_boot)
        throw no_answer(Fault::NotExecuted,
                        outgoing.prepared,
                        "the step's deadline passed before it could act; it looks again");
    return now < outgoing.ends_at;
}

// Throws HttpError. Either way it is noted how well the endpoint is.
HttpAnswer ProxmoxCluster::ask(std::size_t endpoint, const Outgoing& outgoing) {
    const nanoseconds began = clock_.since_boot();
    try {
        HttpAnswer answer = http_.send(request_to(endpoint, outgoing));
        answered(endpoint);
        log(Level::Debug,
            "proxmox",
            {{"cluster", settings_.name},
             {"call", outgoing.prepared.shown},
             {"status", answer.status},
             {"ms", ms_since(clock_, began)}});
        return answer;
    } catch (const HttpError& error) {
        // Little time may be left by what went before, and it is no fault to need more.
        const bool in_haste = outgoing.ends_at - began < settings_.timeout / 4;
        error.blame == Blame::Nobody || in_haste ? learned_nothing(endpoint)
                                                 : failed(endpoint, began);
        log(Level::Warning,
            "proxmox gave no answer",
            {{"cluster", settings_.name},
             {"call", outgoing.prepared.shown},
             {"error", error.what()},
             {"ms", ms_since(clock_, began)}});
        throw;
    }
}

HttpRequest ProxmoxCluster::request_to(std::size_t endpoint, const Outgoing& outgoing) const {
    const PreparedCall& prepared = outgoing.prepared;
    HttpRequest request{.method = std::string(prepared.call->method),
                        .url = endpoints_[endpoint].url + prepared.target,
                        .headers = outgoing.headers,
                        .body = prepared.form,
                        .trust = settings_.trust,
                        .timeout = std::chrono::ceil<std::chrono::milliseconds>(
                            outgoing.ends_at - clock_.since_boot())};
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

// Calls that were under way together fall to the same blip, and it counts once.
void ProxmoxCluster::failed(std::size_t endpoint, nanoseconds began) {
    const std::lock_guard lock(endpoints_mutex_);
    Endpoint& one = endpoints_[endpoint];
    if (began < one.failed_at) return;
    const nanoseconds pause = sick_first * (1LL << std::min(one.failures, 5));
    ++one.failures;
    one.failed_at = clock_.since_boot();
    one.again_at = one.failed_at + std::min(pause, sick_longest);
}

// Whoever comes next may try it, if it is sick.
void ProxmoxCluster::learned_nothing(std::size_t endpoint) {
    const std::lock_guard lock(endpoints_mutex_);
    endpoints_[endpoint].again_at = clock_.since_boot();
}

void ProxmoxCluster::answered(std::size_t endpoint) {
    const std::lock_guard lock(endpoints_mutex_);
    endpoints_[endpoint].failures = 0;
}

bool ProxmoxCluster::by_ticket(const PveCall& call) const {
    return call.ticket_only || settings_.token.empty();
}

std::vector<HttpHeader> ProxmoxCluster::credentials(const PreparedCall& prepared,
                                                    nanoseconds ends_at) {
    if (!by_ticket(*prepared.call))
        return {{.name = "Authorization", .value = "PVEAPIToken=" + settings_.token}};
    if (settings_.user.empty())
        throw no_answer(Fault::Forbidden,
                        prepared,
                        "no token may do this; cluster " + settings_.name +
                            " needs a user with a password as well");
    const Ticket now = ticket(ends_at);
    std::vector<HttpHeader> headers = {
        {.name = "Cookie", .value = "PVEAuthCookie=" + percent_encoded(now.cookie)}};
    if (prepared.changes_something())
        headers.push_back({.name = "CSRFPreventionToken", .value = now.csrf});
    return headers;
}

// A ticket that lives serves everybody while one of them has it renewed. Without one they wait for
// the same log-in; it began before they came, so it ends in their time too.
ProxmoxCluster::Ticket ProxmoxCluster::ticket(nanoseconds ends_at) {
    std::unique_lock lock(ticket_mutex_);
    std::optional<Ticket> living;
    while (true) {
        const nanoseconds now = clock_.since_boot();
        living = ticket_ && now - ticket_->got_at < ticket_dead_after ? ticket_ : std::nullopt;
        if (living && (log_in_ || now < living->renewed_from)) return *living;
        if (!log_in_) break;
        const auto theirs = log_in_;
        log_in_ended_.wait(lock, [&] { return theirs->has_ended; });
        if (theirs->error) throw ProxmoxError(*theirs->error);
    }
    const auto mine = log_in_ = std::make_shared<LogIn>();
    lock.unlock();
    // Whatever happens: nobody waits for what does not come.
    const AtEnd end([&] {
        lock.lock();
        mine->has_ended = true;
        log_in_.reset();
        log_in_ended_.notify_all();
    });
    try {
        Ticket fresh = new_ticket(living, ends_at);
        const std::lock_guard again(ticket_mutex_);
        ticket_ = fresh;
        return fresh;
    } catch (const ProxmoxError& error) {
        mine->error = error;  // read by nobody before it has ended
        throw;
    }
}

// A living ticket stands for the password; if it does not any more, the password will tell. If
// nobody can tell, it lives on, and half of the call's time is left for the call.
ProxmoxCluster::Ticket ProxmoxCluster::new_ticket(const std::optional<Ticket>& living,
                                                  nanoseconds ends_at) {
    if (!living) return log_in(settings_.password, ends_at);
    const nanoseconds now = clock_.since_boot();
    const nanoseconds half = now + (ends_at - now) / 2;
    try {
        try {
            return log_in(living->cookie, half);
        } catch (const ProxmoxError& error) {
            if (error.fault != Fault::Forbidden) throw;
            return log_in(settings_.password, ends_at);
        }
    } catch (const ProxmoxError& error) {
        if (error.fault == Fault::Forbidden) throw;
        Ticket old = *living;
        old.renewed_from = clock_.since_boot() + renewed_again_after;
        return old;
    }
}

ProxmoxCluster::Ticket ProxmoxCluster::log_in(const std::string& password, nanoseconds ends_at) {
    const PreparedCall prepared =
        prepare(call_named("log_in"), {{"username", settings_.user}, {"password", password}});
    JsonValue data;
    try {
        const HttpAnswer answer = send_to_one_of(
            {.prepared = prepared, .headers = {}, .ends_at = ends_at, .deadline = std::nullopt});
        data = read_answer(answer, prepared.shown, prepared.secrets).data;
    } catch (const ProxmoxError& error) {
        throw not_logged_in(error, prepared);
    }
    const auto cookie = text_at(data, "ticket");
    const auto csrf = text_at(data, "CSRFPreventionToken");
    if (flag_at(data, "NeedTFA").value_or(false))
        throw no_answer(Fault::Forbidden,
                        prepared,
                        settings_.user + " has a second factor; use a token, or a user without");
    if (!cookie || !csrf) throw no_answer(Fault::Forbidden, prepared, "the answer holds no ticket");
    const nanoseconds now = clock_.since_boot();
    return {.cookie = *cookie,
            .csrf = *csrf,
            .got_at = now,
            .renewed_from = now + ticket_renewed_after};
}

// Unless somebody else has a new one already.
void ProxmoxCluster::forget_ticket(const std::vector<HttpHeader>& headers) {
    const std::lock_guard lock(ticket_mutex_);
    const std::string* sent = find_header(headers, "cookie");
    if (ticket_ && sent != nullptr && *sent == "PVEAuthCookie=" + percent_encoded(ticket_->cookie))
        ticket_.reset();
}

}  // namespace slipway
