#pragma once
// The pipelines as people read them. README's section is the Markdown; a test keeps it so.

#include <string>

namespace slipway {

std::string pipelines_as_text();
std::string pipelines_as_markdown();
std::string pipelines_as_mermaid();

}  // namespace slipway
