#pragma once
// HTTP/1 as bytes: reading a request as it comes in, writing an answer.

#include <functional>
#include <optional>
#include <string>

#include "ops/sandbox/request.h"

namespace slipway::sandbox {

// Reads from `receive` (which answers nothing at the end or when it took too long) until one
// request is complete. Nothing if the connection ended before.
class RequestReader {
  public:
    using Receive = std::function<std::string()>;
    explicit RequestReader(Receive receive) : receive_(std::move(receive)) {}

    std::optional<Request> next();

  private:
    bool read_more();

    Receive receive_;
    std::string buffer_;
};

std::string wire_text(const Answer& answer, bool keeps_open);

}  // namespace slipway::sandbox
