#pragma once
// Bytes from a connection into one HTTP/1.1 answer, however they are cut.
//
// Our own reader, since whoever waits for an answer must be able to stop between any two bytes: the
// readers that block in a stream give each read a timeout of its own, and an endpoint that drips
// would hold a thread for hours. As strict as is safe, with a limit on everything.

#include <cstdint>
#include <string>
#include <string_view>

#include "consumers/http/http.h"

namespace slipway {

class AnswerReader {
  public:
    // `method` of the request: an answer to HEAD has no body, whatever its headers say.
    explicit AnswerReader(std::string_view method);

    // Takes what arrived. Throws Error with what is wrong with it. Nothing may follow an answer: we
    // never ask twice at once.
    void take(std::string_view bytes);

    // The other side has closed. Throws Error unless that is how this answer ends.
    void closed();

    bool done() const { return part_ == Part::Done; }

    // Something of an answer has arrived.
    bool begun() const { return begun_; }

    // The connection may be used again.
    bool keeps_connection() const { return done() && keeps_connection_; }

    HttpAnswer& answer() { return answer_; }

  private:
    enum class Part { StatusLine, Headers, Body, ChunkSize, Chunk, ChunkEnd, Trailers, Done };

    bool step();
    bool take_line(std::string& line);
    void status_line(std::string_view line);
    void header(std::string_view line);
    void headers_end();
    void length_of_body();
    void chunk_size(std::string_view line);
    bool take_body();

    const bool without_body_;
    Part part_ = Part::StatusLine;
    std::string buffer_;
    std::size_t read_ = 0;        // of buffer_, what has been dealt with
    std::size_t head_bytes_ = 0;  // of status line, headers and trailers
    std::uint64_t expected_ = 0;  // of the body or the chunk
    bool until_closed_ = false;
    bool begun_ = false;
    bool keeps_connection_ = false;
    HttpAnswer answer_;
};

}  // namespace slipway
