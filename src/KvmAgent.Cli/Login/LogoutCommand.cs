using System.CommandLine;

namespace KvmAgent.Cli.Login;

/// <summary><c>kvmctl logout</c>: forgets what login kept.</summary>
internal static class LogoutCommand
{
    public static Command Create()
    {
        var command = new Command("logout", "Forget where the coordinator is, and the token.");
        command.Guard(async (result, _) =>
        {
            var path = LoginFile.Path(EnvironmentVariables.All());
            try
            {
                File.Delete(path);
            }
            catch (DirectoryNotFoundException)
            {
                // As wanted.
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CliException(ExitCodes.CannotCreate, $"{path} cannot be deleted: {e.Message}; delete it yourself", e);
            }

            await result.InvocationConfiguration.Output.WriteLineAsync("logged out").ConfigureAwait(false);
        });
        return command;
    }
}
