from jarvisd.cli import main

main()
