#pragma once
// The Http seam with a script behind it: what is asked is noted as text, what is answered is the
// next row. A request beyond the script fails the test.

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "consumers/http/http.h"

namespace slipway {

class ScriptedHttp final : public Http {
  public:
    using Act = std::function<HttpAnswer(const HttpRequest&)>;

    // The next answers, in order.
    ScriptedHttp& answers(int status, const std::string& body, const std::string& reason = "");
    ScriptedHttp& fails(Sent sent, const std::string& text);
    ScriptedHttp& does(Act act);

    HttpAnswer send(const HttpRequest& request) override;

    // "POST https://pve1:8006/api2/json/x a=1", without headers; and forgets them.
    std::vector<std::string> take_requests();
    // Of the last request.
    std::string header(std::string_view name) const;
    const HttpRequest& last() const { return last_; }
    bool is_used_up() const { return script_.empty(); }

  private:
    std::deque<Act> script_;
    std::vector<std::string> requests_;
    HttpRequest last_;
};

// {"data": …}
std::string data_body(const std::string& json);

}  // namespace slipway
