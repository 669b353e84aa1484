import ArgumentParser
import EventModel
import HTTPService

struct Version: ContextCommand {
  static let configuration = CommandConfiguration(abstract: "Say which version this is.")

  @Flag(help: "As JSON.") var json = false

  func perform(_ context: Context) async throws(Failure) {
    try context.console.print(json ? JSON(members: [("laterbase", JSON(laterbaseVersion))]).description : laterbaseVersion)
  }
}
