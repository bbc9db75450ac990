#pragma once
// Connections for many threads, made when first needed and thrown away when they break.
//
// PostgreSQL: any of them does anything. SQLite: one writes, the others read, since a second writer
// could do nothing but wait for the first. SQLite in memory: one does both.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "schema/connection.h"

namespace slipway {

class ConnectionPool {
  public:
    explicit ConnectionPool(DatabaseSettings settings);

    // Runs `action(connection)`, waiting for a free connection. Whatever it throws is passed on
    // after the connection was put in order: a broken one is thrown away, with all the idle ones,
    // which have most likely lost the same server. The next call makes a new one.
    template <typename Action>
    auto read(Action action) {
        return use(reads_through_writer_ ? Access::Write : Access::Read, action);
    }

    // The same, for one statement that writes.
    template <typename Action>
    auto write(Action action) {
        return use(Access::Write, action);
    }

    // The same, for several that must happen together or not at all.
    template <typename Action>
    auto transaction(Action action) {
        return use(Access::Write, [&](Connection& connection) {
            connection.begin();
            auto result = action(connection);
            connection.commit();
            return result;
        });
    }

  private:
    struct Side {
        std::vector<std::unique_ptr<Connection>> idle;
        int lent = 0;
        int most = 0;
    };

    std::unique_ptr<Connection> take(Access access);
    void give_back(Access access, std::unique_ptr<Connection> connection);
    void discard(Access access);

    template <typename Action>
    auto use(Access access, Action action) {
        std::unique_ptr<Connection> connection = take(access);
        const Lent lent(*this, access, connection);
        return action(*connection);
    }

    // Puts the connection back however the action ends, also by something that is no
    // std::exception.
    class Lent {
      public:
        Lent(ConnectionPool& pool, Access access, std::unique_ptr<Connection>& connection);
        ~Lent();
        Lent(const Lent&) = delete;
        Lent& operator=(const Lent&) = delete;

      private:
        ConnectionPool& pool_;
        Access access_;
        std::unique_ptr<Connection>& connection_;
        int exceptions_;
    };

    Side& side(Access access) { return access == Access::Write ? writers_ : readers_; }

    DatabaseSettings settings_;
    bool reads_through_writer_;
    std::mutex mutex_;
    std::condition_variable freed_;
    Side writers_;
    Side readers_;
};

}  // namespace slipway
