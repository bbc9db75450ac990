#pragma once
// TLS on a connected socket; see connection.h.

#include <Poco/Net/StreamSocket.h>

#include <memory>
#include <string>

#include "consumers/http/connection.h"

namespace slipway {

std::unique_ptr<NetConnection> open_tls(const Poco::Net::StreamSocket& socket,
                                        const std::string& host,
                                        std::shared_ptr<TlsContext> context,
                                        const TimeLimit& limit);

}  // namespace slipway
