/* cli/cli.h: the command line: `postroom NOUN VERB ...`, each verb one API operation over the admin socket. */
#ifndef POSTROOM_CLI_CLI_H
#define POSTROOM_CLI_CLI_H

/* Returns the exit status (sysexits.h). `serve` is main's: it runs the daemon for a configuration file. */
int cli_run(int argc, char **argv, int (*serve)(const char *config_path));

#endif
