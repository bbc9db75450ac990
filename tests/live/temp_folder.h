#pragma once
// A folder that exists as long as its owner: servers of the live tests keep their data in one.

#include <filesystem>

namespace slipway {

class TempFolder {
  public:
    // Under $TMPDIR or /tmp. The path is short, since Unix sockets are made inside it.
    TempFolder();
    ~TempFolder();
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

// Where things that are costly to make or to fetch are kept between runs:
// ${XDG_CACHE_HOME:-$HOME/.cache}/slipway.
std::filesystem::path cache_folder();

}  // namespace slipway
