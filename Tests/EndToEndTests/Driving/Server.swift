import EventModel
import Foundation
import Subprocess
import Synchronization

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// A server process under test.
struct Server: Sendable {
  /// `http://127.0.0.1:41234`.
  let url: String
  let pid: Int32
  private let send: @Sendable (Signal) throws -> Void

  /// Ends it as a power cut would, as far as a process can tell.
  func killHard() throws { try send(.kill) }
  func terminate() throws { try send(.terminate) }

  /// What became of a server process.
  struct Ended<R: Sendable>: Sendable {
    let result: R
    /// As `Laterbase.Outcome`'s.
    let code: Int32
    /// What it wrote to stderr.
    let log: [String]
  }

  /// It never said that it listens.
  struct DidNotStart: Error {
    let log: [String]
  }

  /// Longer than any test of this suite takes: a server that hangs is killed, and its status shows it.
  private static let patience = Duration.seconds(600)

  /// Starts `laterbase serve`, runs `body`, and stops the server with SIGTERM if it still runs.
  /// - Parameters:
  ///   - listen: by default a free loopback port.
  ///   - command: what runs it in a place of its own; takes its path and arguments behind these.
  ///   - executable: another one than `laterbase`, with databases of its own.
  static func run<R: Sendable>(
    data: String, _ arguments: [String] = [], listen: String = "127.0.0.1:0", under command: [String] = [],
    executable: FilePath = Laterbase.path, _ body: @escaping @Sendable (Server) async throws -> R
  ) async throws -> Ended<R> {
    let log = Log()
    let words = command + ["\(executable)", "serve", "--data", data, "--listen", listen] + arguments
    let run = try await Subprocess.run(
      words[0].contains("/") ? .path(FilePath(words[0])) : .name(words[0]), arguments: Arguments(Array(words.dropFirst())), input: .none,
      output: .discarded, error: .sequence
    ) { execution in
      let (addresses, listening) = AsyncStream<String>.makeStream()
      return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
          defer { listening.finish() }
          for try await line in execution.standardError.strings() {
            let line = line.trimmingCharacters(in: .newlines)
            log.append(line)
            if let address = address(in: line) { listening.yield(address) }
          }
        }
        tasks.addTask {
          try? await Task.sleep(for: patience)
          if !Task.isCancelled { try? execution.send(signal: .kill) }
        }
        defer { tasks.cancelAll() }
        guard let address = await addresses.first(where: { _ in true }) else { throw DidNotStart(log: log.lines) }
        let server = Server(url: "http://\(address)", pid: execution.processIdentifier.value) { try execution.send(signal: $0) }
        do {
          let result = try await body(server)
          try? server.terminate()
          try await tasks.next()
          return result
        } catch {
          try? server.killHard()
          throw error
        }
      }
    }
    return Ended(result: run.closureResult, code: run.terminationStatus.code, log: log.lines)
  }

  /// What a server writes, while it writes. The mutex owns the lines.
  private final class Log: Sendable {
    private let all = Mutex<[String]>([])
    var lines: [String] { all.withLock { $0 } }
    func append(_ line: String) { all.withLock { $0.append(line) } }
  }

  private static func address(in line: String) -> String? {
    guard line.contains(" INFO listening ") else { return nil }
    return line.split(separator: " ").first { $0.hasPrefix("address=") }.map { String($0.dropFirst("address=".count)) }
  }
}
