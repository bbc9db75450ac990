#include "consumers/dns/dns_wire.h"

#include <fmt/format.h>

#include "consumers/runtime/log.h"

namespace slipway {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

constexpr nanoseconds passed_over_for = 30s;
constexpr std::size_t most_shown = 300;

std::int64_t whole_ms(nanoseconds duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

void replace_all(std::string& text, const std::string& what, std::string_view with) {
    for (std::size_t at = text.find(what); at != std::string::npos;
         at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

}  // namespace

DnsWire::DnsWire(Http& http, const Clock& clock, DeclaredDnsProvider declared)
    : http_(http), clock_(clock), declared_(std::move(declared)) {
    if (!declared_.verify)
        log(Level::Warning,
            "certificates are NOT verified: anybody on the way can read the credentials",
            {{"dns_provider", declared_.name}});
}

HttpAnswer DnsWire::send(const DnsCall& call) {
    const nanoseconds began = clock_.since_boot();
    if (call.deadline && began >= call.deadline->since_boot)
        throw HttpError(Sent::No,
                        "the step's deadline passed before it could act; it looks again",
                        Blame::Nobody);
    check_may_be_asked();
    try {
        HttpAnswer answer = http_.send(request_of(call));
        answered();
        log(Level::Debug,
            "dns",
            {{"provider", declared_.name},
             {"method", call.method},
             {"path", call.path},
             {"status", answer.status},
             {"ms", whole_ms(clock_.since_boot() - began)}});
        return answer;
    } catch (const HttpError& error) {
        failed(error);
        log(Level::Warning,
            "a dns provider gave no answer",
            {{"provider", declared_.name},
             {"method", call.method},
             {"path", call.path},
             {"error", error.what()},
             {"ms", whole_ms(clock_.since_boot() - began)}});
        throw;
    }
}

// Whoever comes first after the pause tries it, and pushes the others' turn away.
void DnsWire::check_may_be_asked() {
    const std::lock_guard lock(mutex_);
    if (sick_because_.empty()) return;
    const nanoseconds now = clock_.since_boot();
    if (now >= again_at_) {
        again_at_ = now + passed_over_for;
        return;
    }
    throw HttpError(Sent::No,
                    fmt::format("passed over for another {} s: {}",
                                std::chrono::ceil<std::chrono::seconds>(again_at_ - now).count(),
                                sick_because_),
                    Blame::Nobody);
}

void DnsWire::answered() {
    const std::lock_guard lock(mutex_);
    sick_because_.clear();
}

// Nothing was learned of it if nobody is to blame: then the next one may try.
void DnsWire::failed(const HttpError& error) {
    const std::lock_guard lock(mutex_);
    const nanoseconds now = clock_.since_boot();
    if (error.blame == Blame::Server) sick_because_ = error.what();
    again_at_ = error.blame == Blame::Server ? now + passed_over_for : now;
}

HttpRequest DnsWire::request_of(const DnsCall& call) const {
    std::string url = declared_.url;
    while (url.ends_with('/')) url.pop_back();
    url += call.path;
    if (!call.query.empty()) url += "?" + call.query;
    HttpRequest request{.method = call.method,
                        .url = std::move(url),
                        .headers = call.headers,
                        .body = call.body,
                        .trust = {.ca_file = declared_.ca_file, .anybody = !declared_.verify},
                        .timeout = declared_.timeout};
    if (call.deadline) request.send_before = call.deadline->since_boot;
    return request;
}

std::string DnsWire::shown(std::string_view said) const {
    std::string text(said);
    if (!declared_.secret.empty()) replace_all(text, declared_.secret, "***");
    for (char& c : text)
        if (c == '\n' || c == '\r' || c == '\t') c = ' ';
    while (text.ends_with(' ')) text.pop_back();
    if (text.size() > most_shown) text = text.substr(0, most_shown) + "…";
    return text;
}

}  // namespace slipway
