#include "consumers/http/net_http.h"

#include <Poco/Exception.h>
#include <fmt/format.h>

#include <algorithm>

#include "consumers/http/answer_reader.h"
#include "consumers/runtime/check.h"

namespace slipway {

using std::chrono::nanoseconds;

struct NetHttp::Known {
    const HttpRequest& request;
    HttpTarget target;
    std::string bytes;
    TimeLimit limit;
    std::string server;  // key of the kept connections
};

namespace {

// A connection broke before anything was said on it. If it was a kept one, the other side may have
// closed it while it was idle.
struct BrokeInSilence : HttpError {
    BrokeInSilence(Sent was_sent, const std::string& text)
        : HttpError(was_sent, text, Blame::Nobody) {}
};

bool has_line_end(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

std::string bytes_of(const HttpRequest& request, const HttpTarget& target) {
    const bool with_body =
        request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
    check(with_body || request.body.empty(), "only POST, PUT and PATCH carry a body");
    std::string out = fmt::format(
        "{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, target.path, target.authority());
    for (const HttpHeader& header : request.headers) {
        if (has_line_end(header.name) || has_line_end(header.value))
            throw HttpError(
                Sent::No, "the header " + header.name + " would not stay one line", Blame::Nobody);
        out += fmt::format("{}: {}\r\n", header.name, header.value);
    }
    if (with_body) out += fmt::format("Content-Length: {}\r\n", request.body.size());
    return out + "\r\n" + request.body;
}

// Connections to one server may be shared by those who trust the same.
std::string server_key(const HttpTarget& target, const HttpTrust& trust) {
    return fmt::format("{} {} {} {} {}",
                       target.tls,
                       target.authority(),
                       trust.anybody,
                       trust.sha256,
                       trust.ca_file);
}

}  // namespace

NetHttp::NetHttp(const Clock& clock, NetHttpSettings settings)
    : clock_(clock), settings_(settings) {}

HttpAnswer NetHttp::send(const HttpRequest& request) {
    HttpTarget target;
    try {
        target = parse_url(request.url);
    } catch (const Error& error) {
        throw HttpError(Sent::No, error.what(), Blame::Nobody);
    }
    const Known known{.request = request,
                      .target = target,
                      .bytes = bytes_of(request, target),
                      .limit = {clock_, clock_.since_boot() + request.timeout},
                      .server = server_key(target, request.trust)};
    if (auto kept = take_idle(known.server)) {
        bool reusable = false;
        try {
            HttpAnswer answer = answer_over(*kept, known, reusable);
            if (reusable) keep(known.server, std::move(kept));
            return answer;
        } catch (const BrokeInSilence&) {
            if (request.method != "GET") throw;
        }
    }
    return answer_over_new(known);
}

HttpAnswer NetHttp::answer_over_new(const Known& known) {
    std::unique_ptr<NetConnection> connection;
    try {
        const auto context =
            known.target.tls ? context_for(known.request.trust) : std::shared_ptr<TlsContext>();
        connection = open_connection(known.target, context, known.limit, settings_.connect_longest);
    } catch (const Error& error) {
        throw HttpError(Sent::No, fmt::format("{}: {}", known.target.authority(), error.what()));
    }
    bool reusable = false;
    HttpAnswer answer;
    try {
        answer = answer_over(*connection, known, reusable);
    } catch (const BrokeInSilence& error) {
        throw HttpError(error.sent, error.what());
    }
    if (reusable) keep(known.server, std::move(connection));
    return answer;
}

HttpAnswer NetHttp::answer_over(NetConnection& connection, const Known& known, bool& reusable) {
    const std::string who = known.target.authority();
    if (known.request.send_before && clock_.since_boot() >= *known.request.send_before)
        throw HttpError(
            Sent::No, who + ": the time to act was over before anything was sent", Blame::Nobody);
    try {
        connection.write(known.bytes, known.limit);
    } catch (const std::exception& error) {
        // What has no end is not acted on: the server lacks at least the last byte.
        const std::string text = fmt::format("{}: {}", who, error.what());
        if (clock_.since_boot() < known.limit.ends_at) throw BrokeInSilence(Sent::No, text);
        throw HttpError(Sent::No, text);
    }
    AnswerReader reader(known.request.method);
    try {
        while (!reader.done()) {
            const std::string bytes = connection.read(known.limit);
            bytes.empty() ? reader.closed() : reader.take(bytes);
        }
    } catch (const std::exception& error) {
        const std::string text = fmt::format("{}: {}", who, error.what());
        const bool in_time = clock_.since_boot() < known.limit.ends_at;
        if (!reader.begun() && in_time) throw BrokeInSilence(Sent::Unknown, text);
        throw HttpError(Sent::Unknown, text);
    }
    reusable = reader.keeps_connection();
    return std::move(reader.answer());
}

std::unique_ptr<NetConnection> NetHttp::take_idle(const std::string& server) {
    const std::lock_guard lock(mutex_);
    const auto found = idle_.find(server);
    if (found == idle_.end()) return nullptr;
    std::vector<Idle>& idle = found->second;
    drop_old(idle);
    while (!idle.empty()) {
        std::unique_ptr<NetConnection> connection = std::move(idle.back().connection);
        idle.pop_back();
        if (connection->is_quiet()) return connection;
    }
    return nullptr;
}

void NetHttp::drop_old(std::vector<Idle>& idle) {
    const nanoseconds oldest = clock_.since_boot() - settings_.idle_longest;
    std::erase_if(idle, [&](const Idle& one) { return one.since <= oldest; });
}

void NetHttp::keep(const std::string& server, std::unique_ptr<NetConnection> connection) {
    const std::lock_guard lock(mutex_);
    for (auto& [other, its] : idle_) drop_old(its);
    std::erase_if(idle_, [](const auto& one) { return one.second.empty(); });
    std::vector<Idle>& idle = idle_[server];
    if (idle.size() >= settings_.idle_most) idle.erase(idle.begin());
    idle.push_back({.connection = std::move(connection), .since = clock_.since_boot()});
}

std::shared_ptr<TlsContext> NetHttp::context_for(const HttpTrust& trust) {
    const std::lock_guard lock(mutex_);
    for (const auto& [known, context] : contexts_)
        if (known == trust) return context;
    contexts_.emplace_back(trust, make_tls_context(trust));
    return contexts_.back().second;
}

}  // namespace slipway
