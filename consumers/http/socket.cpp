#include "consumers/http/socket.h"

#include <chrono>
#include <cstring>

namespace slipway {
namespace {

using std::chrono::nanoseconds;

Poco::Net::StreamSocket connected(const Poco::Net::SocketAddress& address, const TimeLimit& limit) {
    Poco::Net::StreamSocket socket(address.family());
    socket.connectNB(address);
    wait_for(socket, Poco::Net::Socket::SELECT_WRITE, limit, "connecting");
    if (const int error = socket.impl()->socketError(); error != 0)
        throw Error(std::strerror(error));
    socket.setNoDelay(true);
    return socket;
}

}  // namespace

Poco::Net::StreamSocket connect_to_one_of(const std::vector<Poco::Net::SocketAddress>& addresses,
                                          const TimeLimit& limit) {
    std::string why = "the name has no address";
    auto to_try = static_cast<nanoseconds::rep>(addresses.size());
    for (const Poco::Net::SocketAddress& address : addresses) {
        const nanoseconds share = limit.left("connecting") / to_try--;
        try {
            return connected(address, {limit.clock, limit.clock.since_boot() + share});
        } catch (const Poco::Exception& error) {
            why = text_of(error);
        } catch (const Error& error) {
            why = error.what();
        }
    }
    throw Error(why);
}

void wait_for(Poco::Net::StreamSocket& socket,
              int for_what,
              const TimeLimit& limit,
              std::string_view what) {
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::microseconds>(limit.left(what)).count();
        if (socket.poll(Poco::Timespan(left), for_what | Poco::Net::Socket::SELECT_ERROR)) return;
    }
}

std::string text_of(const Poco::Exception& error) {
    return error.message().empty() ? error.what() : error.message();
}

}  // namespace slipway
