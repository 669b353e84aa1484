import EventModel
import Laterbase
import Subprocess

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// The check of one database by this executable in a process of its own: LMDB trusts its own pages, so a damaged one can end the process that
/// reads it.
struct VerifyProcess: Sendable {
  let data: String
  let database: String
  /// Whether this process serves the folder: then the other one reads beside it.
  var isServed = false

  /// Runs it; when the task is cancelled, or `onLine` throws, it is killed.
  /// - Parameter onLine: takes each line of JSON; the last one, and no other, has `ok`, also where the process died.
  /// - Throws: a `Failure` if there is no result; what `onLine` throws.
  func run(_ onLine: (String) async throws -> Void) async throws {
    let run = try await Subprocess.run(
      Self.thisExecutable, arguments: Arguments(["verify", "--child", "--data", data, "--db", database] + (isServed ? ["--served"] : [])),
      input: .none, output: .sequence, error: .string(limit: 1 << 16)
    ) { execution in
      var hasEnded = false
      for try await line in execution.standardOutput.strings() {
        let line = String(line.prefix { !$0.isNewline })
        hasEnded = hasEnded || JSON.reading(Array(line.utf8))?["ok"] != nil
        try await onLine(line)
      }
      return hasEnded
    }
    try Task.checkCancellation()
    if !run.closureResult { try await onLine(try died(run.terminationStatus, run.standardError)) }
  }

  /// How a process ends that reads pages which are not what was written, or whose own checks fail over them. Whoever is killed was so by
  /// somebody else: the system, where memory is short, for one.
  private static let crashes: Set<Int32> = [SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGTRAP, SIGFPE]

  /// The last line of a check that ended without a result.
  private func died(_ status: TerminationStatus, _ said: String) throws(Failure) -> String {
    guard case .signaled(let signal) = status, Self.crashes.contains(signal) else {
      if case .signaled(let signal) = status { throw .failed("the check of \(database) was ended by signal \(signal)") }
      throw .failed("the check of \(database) failed: \(said.split(whereSeparator: \.isNewline).first ?? "it says nothing")")
    }
    let fault = "reading it ended the process by signal \(signal): pages of the file are damaged"
    let members: [(name: String, value: JSON)] = [
      ("database", JSON(database)), ("ok", JSON(false)), ("faults", JSON([JSON(fault)])),
      ("damage", JSON(Damage.store.rawValue)),
    ]
    return JSON(members: members).description
  }

  private static var thisExecutable: Executable {
    #if os(Linux)
      .path("/proc/self/exe")
    #else
      .name(CommandLine.arguments[0])
    #endif
  }
}
