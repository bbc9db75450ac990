#include "consumers/steps/applied.h"

#include "consumers/proxmox/json.h"

namespace slipway {

Applied applied_of(const Vm& vm) {
    const JsonValue json = JsonValue::parse(vm.applied, nullptr, /*allow_exceptions=*/false);
    return {.mark = text_at(json, "mark").value_or(""),
            .moves_to = text_at(json, "moves_to").value_or(""),
            .move_note = text_at(json, "move_note").value_or(""),
            .added_disk = text_at(json, "added_disk").value_or(""),
            .start_looks = static_cast<int>(whole_at(json, "start_looks").value_or(0))};
}

void set_applied(Vm& vm, const Applied& applied) {
    JsonValue json = JsonValue::object();
    if (!applied.mark.empty()) json["mark"] = applied.mark;
    if (!applied.moves_to.empty()) json["moves_to"] = applied.moves_to;
    if (!applied.move_note.empty()) json["move_note"] = applied.move_note;
    if (!applied.added_disk.empty()) json["added_disk"] = applied.added_disk;
    if (applied.start_looks != 0) json["start_looks"] = applied.start_looks;
    vm.applied = json.dump();
}

}  // namespace slipway
