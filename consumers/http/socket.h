#pragma once
// TCP for those who wait no longer than they may; used by connection.cpp and tls.cpp alone.

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>

#include <string>
#include <string_view>
#include <vector>

#include "consumers/http/connection.h"

namespace slipway {

// One after the other; each has its share of the time that is left, so that one that takes no
// notice does not use up all of it. Throws Error with what the last of them said if none took us.
Poco::Net::StreamSocket connect_to_one_of(const std::vector<Poco::Net::SocketAddress>& addresses,
                                          const TimeLimit& limit);

// Until the socket can be written (or read), an error included: the next call will say it.
void wait_for(Poco::Net::StreamSocket& socket,
              int for_what,
              const TimeLimit& limit,
              std::string_view what);

// "Connection refused: 127.0.0.1:8006" and the like: what the system says, and of whom.
std::string text_of(const Poco::Exception& error);

}  // namespace slipway
