#include "producer/admission.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "consumers/pipelines/pipelines.h"
#include "consumers/runtime/error.h"
#include "topics/event.h"

namespace slipway {
namespace {

constexpr int races_most = 100;

DeadLetterRow rejection(const RequestRow& request, Time now) {
    return {
        .key = "request/" + request.id,
        .kind = "rejected",
        .service_id = request.service_id,
        .reason = fmt::format("request {} ({}): {}", request.id, request.type, request.why),
        .at = now,
    };
}

// An order with a password is refused, and what of it is kept does not hold it.
std::string without_password(const std::string& payload) {
    auto data = nlohmann::json::parse(payload, nullptr, /*allow_exceptions=*/false);
    if (!data.is_object() || !data.contains("password")) return payload;
    data["password"] = "(not kept)";
    return data.dump();
}

std::string wrong_with(const RequestRow& request, const Inventory* inventory) {
    const Pipeline* pipeline = find_pipeline(request.type);
    if (pipeline == nullptr || pipeline->wrong_with == nullptr) return {};
    if (inventory == nullptr) return "this process knows no inventory";
    return fmt::format("{}", fmt::join(pipeline->wrong_with(*inventory, request.payload), "; "));
}

}  // namespace

bool needs_inventory(const RequestRow& request) {
    const Pipeline* pipeline = find_pipeline(request.type);
    return pipeline != nullptr && pipeline->wrong_with != nullptr;
}

Admitted decide(RequestRow request, const Vm* vm, const AdmissionContext& context) {
    Ruling ruling = rule_on(request.type, vm);
    if (ruling.admission != Admission::Reject) {
        ruling.why = wrong_with(request, context.inventory);
        if (!ruling.why.empty()) ruling.admission = Admission::Reject;
    }
    request.status = status_of(ruling.admission);
    request.why = ruling.why;
    Admitted admitted{.admission = ruling.admission, .version = vm ? vm->version : 0};
    if (request.status == "accepted")
        admitted.next =
            begin_run(vm ? *vm : Vm{}, *find_pipeline(request.type), request, context.wake_at);
    if (ruling.admission == Admission::Reject) {
        request.payload = without_password(request.payload);
        admitted.dead_letter = rejection(request, context.now);
    }
    admitted.request = std::move(request);
    return admitted;
}

RequestRow admit_now(Store& store, const Inventory& inventory, RequestRow request) {
    if (!is_service_id(request.service_id))
        throw Error(
            fmt::format("service id \"{}\": must be 1 to {} letters, digits, '.', '_', ':' or "
                        "'-'",
                        clean_text(request.service_id),
                        most_service_id_bytes));
    for (int race = 0; race < races_most; ++race) {
        const auto rows = store.load({&request.service_id, 1});
        const Admitted admitted = decide(
            request, rows.empty() ? nullptr : &rows.front(), {&inventory, request.at, request.at});
        switch (store.admit({&admitted, 1}).at(0)) {
            case AdmitResult::Done:
                return admitted.request;
            case AdmitResult::Known:
                return store.requests({&request.id, 1}).at(0);
            case AdmitResult::Lost:
                break;
        }
    }
    throw Error(fmt::format("service {} changes faster than it can be asked; try again",
                            request.service_id));
}

}  // namespace slipway
