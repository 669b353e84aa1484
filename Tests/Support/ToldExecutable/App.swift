import EventModel
import LaterbaseCommands
import ViewKit

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A server whose hook writes what it is told to a file: for tests that kill it.
@main struct App: LaterbaseMain { static let databases: [any DatabaseDeclaration] = [Database("told", of: Told.self, hooks: [Notes()])] }

struct Told: EventType, Codable {
  var client: String
  var n: Int
}

/// Appends a line an event, its ULID, to the file that `TOLD_FILE` names; without that it fails, and its clock stays where it is.
struct Notes: Hook {
  let name = "notes"

  struct NoFile: Error {}

  func didCommit(_ events: [(Told, Happened)]) async throws {
    guard let path = unsafe getenv("TOLD_FILE"), let file = unsafe fopen(path, "a") else { throw NoFile() }
    defer { unsafe fclose(file) }
    // A kill may have cut the last line.
    guard unsafe fputs("\n" + events.map { "\($0.1.id)\n" }.joined(), file) >= 0 else { throw NoFile() }
    // What a process wrote outlives it; only a power cut would ask for more.
    guard unsafe fflush(file) == 0 else { throw NoFile() }
  }
}
