#pragma once
// Group commit: what is waiting when a commit ends goes into the next one, oldest first, as one
// statement. No thread of a lane sleeps while the database works: each save says what shall happen
// afterwards. One thread saves and another answers, so that the database has its next round while
// the world is told of the last. after_round() is called once for all the answers of a round, so
// that a batch wakes its lanes together.
//
// A round waits for a moment, never longer than gather_longest, until as much is waiting as the
// round before it took: commits cost the same for one row and for many.
//
// run_one() does one round and answers it; the stories call it, production has its two threads.
// A save is tried until the database has answered: a batch that throws is tried again row by row,
// and a save that may have happened (the connection died while it was on its way) is looked for
// before it is tried again. Changes that claim slots are saved after the others of their round, one
// by one: see Store::save().

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "consumers/runtime/clock.h"
#include "schema/store.h"

namespace slipway {

struct SaveAnswer {
    Change change;  // what was asked to be saved
    Saved saved = {};
    // Why the database refuses this very row although it takes others. Nothing was saved.
    std::string refused = {};
};

class Saver {
  public:
    using ThenLoaded = std::function<void(std::optional<Vm>)>;
    using ThenSaved = std::function<void(SaveAnswer)>;
    using ThenKept = std::function<void()>;

    struct Settings {
        std::size_t batch_most = 256;
        std::chrono::milliseconds retry_after{200};  // while the database does not answer
        std::chrono::microseconds gather_longest{300};
    };

    Saver(Store& store, Clock& clock, Settings settings);

    // Set once, before anything is saved.
    void after_round(std::function<void()> call) { after_round_ = std::move(call); }

    // At most one save per VM at a time: the lanes see to that.
    void load(std::string service_id, ThenLoaded then);
    void save(Change change, ThenSaved then);
    void keep_dead_letter(DeadLetterRow row, ThenKept then);

    // One round over what waits; false if nothing could be done now.
    bool run_one();
    // Both until stop(). What is still waiting then is forgotten: the database is the truth.
    void save_until_stopped();
    void answer_until_stopped();
    void stop();

    std::size_t waiting() const;

  private:
    struct Load {
        std::string service_id;
        ThenLoaded then;
        std::optional<Vm> row = {};
    };
    struct Save {
        SaveAnswer answer;  // the change from the beginning, the rest once it is answered
        ThenSaved then;
        int refusals = 0;
        std::string refusal = {};
        bool unsure = false;  // it was in a batch that threw: it may have happened
    };
    struct Letter {
        DeadLetterRow row;
        ThenKept then;
    };
    struct Round {
        std::vector<Load> loads;
        std::vector<Save> saves;
        std::vector<Letter> letters;
        bool empty() const { return loads.empty() && saves.empty() && letters.empty(); }
    };

    bool has_work() const;
    void gather(std::unique_lock<std::mutex>& lock);
    Round take_round();
    // Moves what the database has answered from the one to the other.
    void run(Round& asked, Round& answered);
    bool load_all(Round& asked, Round& answered);
    bool save_all(Round& asked, Round& answered);
    bool save_together(std::vector<Save>& saves);
    bool save_one_by_one(Round& asked, Round& answered);
    bool save_alone(Save& save, bool& database_answers);
    bool keep_all(Round& asked, Round& answered);
    void put_back(Round round);
    void give(Round answered);

    Store& store_;
    Clock& clock_;
    const Settings settings_;
    std::function<void()> after_round_ = [] {};

    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::deque<Load> loads_;
    std::deque<Save> saves_;
    std::deque<Letter> letters_;
    std::size_t gather_for_ = 0;  // as many saves as the last round took; 0 while not gathering
    std::size_t last_round_ = 1;
    std::chrono::nanoseconds not_before_{0};
    std::condition_variable work_to_answer_;
    std::deque<Round> answered_;
    bool stopped_ = false;
};

}  // namespace slipway
