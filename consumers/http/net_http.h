#pragma once
// Http on real sockets: TLS, one time limit over everything, and connections kept for a moment.
//
// Proxmox closes an idle connection after five seconds; one that we kept for more than three is not
// used again, nor one on which anything has come meanwhile. So the race "they close while we send"
// is rare; where it is lost, only a GET is sent again.

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "consumers/http/connection.h"
#include "consumers/http/http.h"
#include "consumers/runtime/clock.h"

namespace slipway {

struct NetHttpSettings {
    std::chrono::milliseconds connect_longest{5'000};  // part of a call's own time limit
    std::chrono::milliseconds idle_longest{3'000};
    std::size_t idle_most = 16;  // per server
};

class NetHttp final : public Http {
  public:
    explicit NetHttp(const Clock& clock, NetHttpSettings settings = {});

    HttpAnswer send(const HttpRequest& request) override;

  private:
    struct Idle {
        std::unique_ptr<NetConnection> connection;
        std::chrono::nanoseconds since;
    };
    struct Known;  // what one call is made of

    HttpAnswer answer_over(NetConnection& connection, const Known& known, bool& reusable);
    HttpAnswer answer_over_new(const Known& known);
    std::unique_ptr<NetConnection> take_idle(const std::string& server);
    void drop_old(std::vector<Idle>& idle);
    void keep(const std::string& server, std::unique_ptr<NetConnection> connection);
    std::shared_ptr<TlsContext> context_for(const HttpTrust& trust);

    const Clock& clock_;
    const NetHttpSettings settings_;

    std::mutex mutex_;
    std::map<std::string, std::vector<Idle>> idle_;  // the longest idle first
    std::vector<std::pair<HttpTrust, std::shared_ptr<TlsContext>>> contexts_;
};

}  // namespace slipway
