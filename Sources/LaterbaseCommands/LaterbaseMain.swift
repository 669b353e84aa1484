import ArgumentParser
import FoundationEssentials
public import ViewKit

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The whole command line over one's own databases. In a file that is not `main.swift`:
///
///     @main struct App: LaterbaseMain { static let databases = registry }
///
/// Exit codes: 0; 1, what was asked could not be done; 64, it was asked wrongly.
public protocol LaterbaseMain {
  /// What the executable's servers declare. Databases that are not declared take any JSON object.
  static var databases: [any DatabaseDeclaration] { get }
}

extension LaterbaseMain {
  /// Runs the command that the process's arguments name, and ends the process with its exit code.
  public static func main() async {
    let context = Context(
      databases: databases, arguments: Array(CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment,
      console: Console())
    exit(await Root.run(context))
  }
}

/// The command that holds the others.
struct Root: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: CommandLine.arguments.first.flatMap { $0.split(separator: "/").last }.map(String.init) ?? "laterbase",
      abstract: "An event store that takes late events, and shows what happened in the order in which it happened.",
      subcommands: [
        Serve.self, Demo.self, Append.self, Feed.self, Query.self, VoidEvents.self, Sync.self, Nodes.self, Leave.self,
        Verify.self, Version.self,
      ])
  }

  /// Runs the command that the arguments name.
  /// - Returns: its exit code.
  static func run(_ context: Context) async -> Int32 {
    do {
      var command = try parseAsRoot(context.arguments)
      if let command = command as? any ContextCommand { try await command.perform(context) } else { try command.run() }
      return 0
    } catch let failure as Failure {
      if !failure.message.isEmpty { context.console.note("error: \(failure.message)") }
      return failure.code
    } catch {
      return parserSays(error, on: context.console)
    }
  }

  /// Help goes to stdout, a usage error to stderr.
  private static func parserSays(_ error: any Error, on console: Console) -> Int32 {
    let code = exitCode(for: error)
    let text = fullMessage(for: error)
    if code.isSuccess { try? console.print(text) } else { console.note(text) }
    return code.rawValue
  }
}
