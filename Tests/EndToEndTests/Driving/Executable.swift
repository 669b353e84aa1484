import Foundation
import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// The built `laterbase`, driven as a user would.
enum Laterbase {
  /// Beside the test bundle, where `swift build` puts both.
  static let path: FilePath = {
    if let named = ProcessInfo.processInfo.environment["LATERBASE_BINARY"] { return FilePath(named) }
    #if os(Linux)
      let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
      return FilePath(bundle).removingLastComponent().appending("laterbase")
    #else
      return FilePath(#filePath).removingLastComponent().appending("../../../.build/debug/laterbase").lexicallyNormalized()
    #endif
  }()

  /// Another executable of this package, beside the built `laterbase`.
  static func beside(_ name: String) -> FilePath { path.removingLastComponent().appending(name) }

  /// What a command left behind.
  struct Outcome {
    /// The exit code; 128 and the signal's number where one ended it.
    let code: Int32
    let output: String
    let notes: String

    var lines: [Substring] { output.split(separator: "\n") }
  }

  /// A file with this text, open for reading. Through a pipe a busy machine's tests could bring it too late: a server cuts a request whose
  /// body stands still.
  private static func stdin(_ text: String) throws -> FileDescriptor {
    let file = NSTemporaryDirectory() + "laterbase-stdin-\(UUID().uuidString)"
    try text.write(toFile: file, atomically: false, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: file) }
    return try FileDescriptor.open(FilePath(file), .readOnly, options: .closeOnExec)
  }

  /// Runs a command to its end.
  /// - Parameters:
  ///   - input: what it reads from stdin.
  ///   - directory: where it runs.
  ///   - environment: variables set beside the inherited ones.
  static func run(
    _ arguments: String..., input: String = "", in directory: Folder? = nil, environment: [String: String] = [:]
  ) async throws -> Outcome { try await run(arguments, input: input, in: directory, environment: environment) }

  /// Runs a command of so many arguments.
  static func run(
    _ arguments: [String], input: String = "", in directory: Folder? = nil, environment: [String: String] = [:]
  ) async throws -> Outcome {
    let variables = Dictionary(
      uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), String?.some($0.value)) })
    let result = try await Subprocess.run(
      .path(path), arguments: Arguments(arguments), environment: .inherit.updating(variables),
      workingDirectory: directory.map { FilePath($0.path) }, input: .fileDescriptor(try stdin(input), closeAfterSpawningProcess: true),
      output: .string(limit: 64 << 20), error: .string(limit: 1 << 20))
    return Outcome(code: result.terminationStatus.code, output: result.standardOutput, notes: result.standardError)
  }
}

extension TerminationStatus {
  /// The exit code as a shell says it: 128 and the signal's number where one ended the process.
  var code: Int32 {
    switch self {
    case .exited(let code): code
    case .signaled(let signal): 128 + signal
    }
  }
}

/// A folder of its own for a test, removed when the closure ends.
struct Folder: Sendable {
  let path: String

  static func with<R>(_ body: (Folder) async throws -> R) async throws -> R {
    let folder = Folder(path: NSTemporaryDirectory() + "laterbase-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    return try await body(folder)
  }

  /// The path of something in it.
  subscript(name: String) -> String { path + "/" + name }

  func write(_ name: String, _ text: String) throws { try text.write(toFile: self[name], atomically: false, encoding: .utf8) }
}

extension Laterbase {
  /// Follows a feed until so many lines came; `onLine` is told the count after each. Then the command is killed.
  static func follow(
    _ database: String, _ url: String, lines wanted: Int, onLine: @escaping @Sendable (Int) async throws -> Void
  ) async throws -> [String] {
    try await Subprocess.run(
      .path(path), arguments: ["feed", database, "--follow", "--url", url], input: .none, output: .sequence, error: .discarded
    ) { execution in
      var lines: [String] = []
      for try await line in execution.standardOutput.strings() {
        lines.append(line.trimmingCharacters(in: .newlines))
        try await onLine(lines.count)
        if lines.count == wanted { break }
      }
      try execution.send(signal: .kill)
      return lines
    }.closureResult
  }

  /// Runs a command on a terminal (that script(1) of util-linux makes) and types Ctrl-C after a line.
  ///
  /// The shell that script(1) starts has to become the command: dash, which would stay as its parent, dies of the Ctrl-C itself, and its
  /// end is what script(1) tells.
  static func onTerminal(_ command: String, in directory: Folder, untilLine wanted: String) async throws -> Outcome {
    let run = try await Subprocess.run(
      .name("script"), arguments: ["-qefc", "exec \(path) \(command)", "/dev/null"], workingDirectory: FilePath(directory.path),
      input: .inputWriter, output: .sequence, error: .discarded
    ) { execution in
      var output = ""
      for try await line in execution.standardOutput.strings() {
        output += line
        if line.contains(wanted) { _ = try await execution.standardInputWriter.write("\u{3}") }
      }
      return output
    }
    return Outcome(code: run.terminationStatus.code, output: run.closureResult, notes: "")
  }

  static func names(in folder: Folder) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path) }
}
