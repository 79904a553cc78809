/* SPDX-License-Identifier: BSD-2-Clause */
/* dread FILE for Windows: prints what is in the file now, not what the system remembers of it. A program
 * of its own, small enough to live on the device that it reads; it needs nothing but Windows, not even a
 * C library.
 *
 *	x86_64-w64-mingw32-gcc -Os -s -nostdlib -e start dread.c -lkernel32 -lshell32 -o dread.exe
 *
 * Exit status, as of mscope: 2 usage, 4 the file cannot be read or the output not be written. */
#include <windows.h>

#include <shellapi.h>

#define ROOM	  (1u << 20) /* a multiple of every sector, as unbuffered reads must be */
#define EXIT_USE  2
#define EXIT_FILE 4

void start(void);

static DWORD length(const WCHAR *s)
{
	DWORD n = 0;

	while (s[n])
		n++;
	return n;
}

static void say(const WCHAR *s)
{
	HANDLE err = GetStdHandle(STD_ERROR_HANDLE);
	char text[1024];
	int n = WideCharToMultiByte(GetConsoleOutputCP(), 0, s, (int)length(s), text, sizeof text,
				    NULL, NULL);
	DWORD done;

	if (n > 0)
		WriteFile(err, text, (DWORD)n, &done, NULL);
}

static UINT fail(const WCHAR *what)
{
	WCHAR why[512];
	DWORD error = GetLastError();

	if (!FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, error,
			    0, why, sizeof why / sizeof *why, NULL))
		why[0] = L'\0';
	say(L"dread: ");
	say(what);
	say(L": ");
	say(*why ? why : L"unknown error\r\n");
	return EXIT_FILE;
}

static UINT copy(HANDLE file, const WCHAR *name)
{
	HANDLE out = GetStdHandle(STD_OUTPUT_HANDLE);
	char *room = VirtualAlloc(NULL, ROOM, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
	DWORD len, done;

	if (!room)
		return fail(L"memory");
	for (;;) {
		if (!ReadFile(file, room, ROOM, &len, NULL))
			return GetLastError() == ERROR_HANDLE_EOF ? 0 : fail(name);
		if (!len)
			return 0;
		for (DWORD at = 0; at < len; at += done)
			if (!WriteFile(out, room + at, len - at, &done, NULL) || !done)
				return fail(L"standard output");
	}
}

static UINT dread(const WCHAR *name)
{
	HANDLE file = CreateFileW(name, GENERIC_READ,
				  FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
				  OPEN_EXISTING, FILE_FLAG_NO_BUFFERING | FILE_FLAG_SEQUENTIAL_SCAN,
				  NULL);

	return file == INVALID_HANDLE_VALUE ? fail(name) : copy(file, name);
}

void start(void)
{
	int argc;
	WCHAR **argv = CommandLineToArgvW(GetCommandLineW(), &argc);

	if (!argv || argc != 2) {
		say(L"usage: dread FILE\r\n");
		ExitProcess(EXIT_USE);
	}
	ExitProcess(dread(argv[1]));
}
