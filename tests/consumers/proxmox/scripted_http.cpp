#include "tests/consumers/proxmox/scripted_http.h"

#include <gtest/gtest.h>

namespace slipway {

ScriptedHttp& ScriptedHttp::answers(int status,
                                    const std::string& body,
                                    const std::string& reason) {
    return does([=](const HttpRequest&) {
        return HttpAnswer{.status = status, .reason = reason, .body = body};
    });
}

ScriptedHttp& ScriptedHttp::fails(Sent sent, const std::string& text) {
    return does([=](const HttpRequest&) -> HttpAnswer { throw HttpError(sent, text); });
}

ScriptedHttp& ScriptedHttp::does(Act act) {
    script_.push_back(std::move(act));
    return *this;
}

HttpAnswer ScriptedHttp::send(const HttpRequest& request) {
    last_ = request;
    requests_.push_back(request.method + " " + request.url +
                        (request.body.empty() ? "" : " " + request.body));
    if (script_.empty()) {
        ADD_FAILURE() << "nobody expects " << requests_.back();
        throw HttpError(Sent::No, "the script has ended");
    }
    const Act act = std::move(script_.front());
    script_.pop_front();
    return act(request);
}

std::vector<std::string> ScriptedHttp::take_requests() {
    return std::exchange(requests_, {});
}

std::string ScriptedHttp::header(std::string_view name) const {
    const std::string* value = find_header(last_.headers, name);
    return value != nullptr ? *value : "(none)";
}

std::string data_body(const std::string& json) {
    return R"({"data":)" + json + "}";
}

}  // namespace slipway
